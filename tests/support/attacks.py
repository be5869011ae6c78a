"""Run as some user: calls at that user's own processes and files, made inside a sandbox and then outside of it.

In: the name of a sandbox. Out: one JSON object: what each call came to inside (`inside`), what the same call came to
outside afterwards (`outside`), what had been done to the user's things in between (`harm`), what ordinary code came to
inside (`ordinary`), and how paths that exist and paths that do not look from there (`paths`). Or why the sandbox does
not work for this user (`unavailable`). It needs the standard library, `launcher` and sandlock alone, so that
it runs where a user cannot read this repository.
"""

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from distill.sandbox import launcher
from distill.sandbox.programs import Program, together

# What a user may do to processes and files of its own, and learn of the machine: Python expressions.
CALLS = {
    "prlimit": "resource.prlimit(VICTIM, resource.RLIMIT_CORE, (0, 0))",
    "prlimit asks": "resource.prlimit(VICTIM, resource.RLIMIT_CORE)",
    "setpriority": "os.setpriority(os.PRIO_PROCESS, VICTIM, 19)",
    "getpriority": "os.getpriority(os.PRIO_PROCESS, VICTIM)",
    "sched_setaffinity": "os.sched_setaffinity(VICTIM, os.sched_getaffinity(0))",
    "sched_getaffinity": "os.sched_getaffinity(VICTIM)",
    "sched_setscheduler": "os.sched_setscheduler(VICTIM, os.SCHED_BATCH, os.sched_param(0))",
    "ioprio_set": "call(NUMBER['ioprio_set'], 1, VICTIM, 3 << 13)",
    "kill": "os.kill(VICTIM, 0)",
    "kill a group": "os.killpg(os.getpgid(VICTIM), 0)",
    "pidfd_open": "os.pidfd_open(VICTIM)",
    "getpgid": "os.getpgid(VICTIM)",
    "getsid": "os.getsid(VICTIM)",
    "clock of a process": "time.clock_gettime(~VICTIM << 3 | 2)",
    "ptrace": "call(NUMBER['ptrace'], 0x4206, VICTIM, 0, 0)",  # PTRACE_SEIZE
    "chmod": "os.chmod(FILE, 0o640)",
    "fchmodat2": "call(452, -100, FILE.encode(), 0o600, 0)",
    "utime": "os.utime(FILE, (0, 0))",
    "setxattr": "os.setxattr(FILE, 'user.harm', b'1')",
    "removexattr": "os.removexattr(FILE, 'user.seen')",
    "truncate": "os.truncate(FILE, 1)",
    "link": "os.link(FILE, FOLDER + '/link')",
    "symlink": "os.symlink(FILE, FOLDER + '/symlink')",
    "mkdir": "os.mkdir(FOLDER + '/folder')",
    "mkfifo": "os.mkfifo(FOLDER + '/fifo')",
    "write": "open(FOLDER + '/new', 'w')",
    "rename": "os.rename(FOLDER + '/other', FOLDER + '/renamed')",
    "unlink": "os.unlink(FOLDER + '/third')",
    "open": "open(KEPT).read()",
    "listdir": "os.listdir(FOLDER)",
    "program of a process": "os.readlink(f'/proc/{VICTIM}/exe')",
    "state of a process": "open(f'/proc/{VICTIM}/status').read()",
    "all processes": "os.listdir('/proc')",
    "mounts of a process": "open(f'/proc/{VICTIM}/mounts').read()",
    "memory of the machine": "open('/proc/meminfo').read()",
    "devices": "os.listdir('/sys')",
    "own file descriptors": "os.listdir('/proc/self/fd')",
    "getxattr": "os.getxattr(KEPT, 'user.seen')",
    "listxattr": "os.listxattr(KEPT)",
    "inotify": "call(NUMBER['inotify_add_watch'], libc.inotify_init1(0), FOLDER.encode(), 0x100)",
    "statfs": "os.statvfs(FOLDER)",
    "listmount": "call(458, struct.pack('IIQQ', 24, 0, 2**64 - 1, 0), ctypes.create_string_buffer(80), 10, 0)",
    "sysinfo": "call(NUMBER['sysinfo'], ctypes.create_string_buffer(256))",
    "flock": "fcntl.flock(open(os.__file__), fcntl.LOCK_SH)",
    "socket": "socket.socket(socket.AF_INET)",
    "local socket": "socket.socket(socket.AF_UNIX)",
    "outlive the judge": "call(NUMBER['prctl'], 1, 0, 0, 0, 0)",
    "fork": "os.fork() or os._exit(0)",
    "program": "subprocess.run([sys.executable, '-c', '']).check_returncode()",
}

# Ordinary code, which the list of allowed calls must not hinder: the value of each is true.
ORDINARY = {
    "event loop": "asyncio.run(asyncio.sleep(0.01, True))",
    "threads": "list(concurrent.futures.ThreadPoolExecutor(3).map(abs, [-1, 2])) == [1, 2]",
    "socket pair": "[(a.send(b'x'), b.recv(1)) for a, b in [socket.socketpair()]] == [(1, b'x')]",
    "pipe": "[(os.write(w, b'x'), select.select([r], [], [], 5)[0] == [r]) for r, w in [os.pipe()]] == [(1, True)]",
    "database": "sqlite3.connect(':memory:').execute('select 1').fetchone() == (1,)",
    "random": "0 <= random.SystemRandom().random() < 1 and uuid.uuid4() != uuid.uuid4()",
    "time": "time.time() > 0 and time.process_time() >= 0 and time.thread_time() >= 0 and time.sleep(0.001) is None",
    "alarm": "signal.setitimer(signal.ITIMER_REAL, 60) == (0, 0) and signal.alarm(0) > 0",
    "signal to itself": "os.kill(os.getpid(), 0) is None and signal.raise_signal(signal.SIGCHLD) is None",
    "memory": "mmap.mmap(-1, 4096).write(b'x') == 1",
    "machine": "platform.system() == 'Linux' and os.cpu_count() > 0 and len(os.sched_getaffinity(0)) > 0",
    "source": "'def dumps' in inspect.getsource(json)",
    "own limits": "resource.setrlimit(resource.RLIMIT_CORE, (0, 0)) is None",
    "null device": "open(os.devnull, 'w').write('x') == 1 and open(os.devnull, 'rb').readable()",
    "missing file": "kind(lambda: open('missing.txt')) == 'FileNotFoundError'",
    "missing folder": "kind(lambda: open('/no/such.txt')) == kind(lambda: open(b'no/x', 'w')) == 'FileNotFoundError'",
    "list a missing folder": "kind(lambda: os.listdir('/no/such')) == 'FileNotFoundError'",
    "working folder": "os.getcwd() == '/' and os.path.isdir('.') and not os.path.exists('missing')",
    "no temporary file": "kind(tempfile.TemporaryFile) in ('FileNotFoundError', 'PermissionError')",
    "imports": "[importlib.import_module(name).__name__ for name in ('ctypes', 'csv', 'decimal', 'zoneinfo')] != []",
}

# How a path looks: the same from inside whether it exists or not.
LOOKS = {
    "stat": "os.stat(PATH)",
    "lstat": "os.lstat(PATH)",
    "access": "os.access(PATH, os.F_OK) or 1 / 0",
    "faccessat": "os.access(PATH, os.R_OK, effective_ids=True) or 1 / 0",
    "statx": "call(STATX, -100, PATH.encode(), 0, 0xFFF, ctypes.create_string_buffer(256))",
    "open": "os.open(PATH, os.O_RDONLY)",
    "open as a path": "os.open(PATH, os.O_PATH)",
    "open to write": "os.open(PATH, os.O_WRONLY)",
    "openat2": "call(437, -100, PATH.encode(), struct.pack('QQQ', 0, 0, 0), 24)",
    "chdir": "os.chdir(os.path.dirname(PATH)) or os.chdir('/') if PATH != ABSENT else os.chdir(PATH)",
    "readlink": "os.readlink(PATH)",
    "by the root of a process": "os.stat('/proc/self/root' + PATH)",
    "by a folder that is seen": "os.stat(os.path.dirname(os.__file__) + '/..' * 20 + PATH)",
    "from a folder that is open": "os.stat('../' * 20 + PATH[1:], dir_fd=os.open(os.path.dirname(os.__file__), 0))",
    "open from a folder": "os.open('../' * 20 + PATH[1:], 0, dir_fd=os.open(os.path.dirname(os.__file__), 0))",
    "from a folder gone to": "gone_to(os.path.dirname(os.__file__), lambda: os.stat('../' * 20 + PATH[1:]))",
}
if os.uname().machine == "x86_64":  # the calls of old, which aarch64 does not have
    LOOKS |= {
        "old open": "call(2, PATH.encode(), 0)",
        "old stat": "call(4, PATH.encode(), ctypes.create_string_buffer(256))",
        "old lstat": "call(6, PATH.encode(), ctypes.create_string_buffer(256))",
        "old access": "call(21, PATH.encode(), 0)",
        "old readlink": "call(89, PATH.encode(), ctypes.create_string_buffer(256), 256)",
    }

# By machine, for what neither Python nor the C library offers.
NUMBERS = {
    "x86_64": {"ioprio_set": 251, "ptrace": 101, "sysinfo": 99, "prctl": 157, "inotify_add_watch": 254},
    "aarch64": {"ioprio_set": 30, "ptrace": 117, "sysinfo": 179, "prctl": 167, "inotify_add_watch": 27},
}

EVALUATE = """
import asyncio, concurrent.futures, ctypes, fcntl, importlib, inspect, json, mmap, os, platform, random, resource
import select, signal, socket, sqlite3, struct, subprocess, sys, tempfile, time, uuid

libc = ctypes.CDLL(None, use_errno=True)
STATX = 332 if os.uname().machine == "x86_64" else 291


def call(number, *arguments):
    result = libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def gone_to(folder, function):
    os.chdir(folder)
    try:
        return function()
    finally:
        os.chdir("/")


def kind(function):
    try:
        function()
    except BaseException as error:
        return type(error).__name__


def evaluate(expressions, values):
    space = {**globals(), **values}
    results = {}
    for name, text in expressions.items():
        try:
            value = eval(text, space)
            results[name] = value if isinstance(value, bool) else "done"
        except BaseException as error:
            results[name] = f"{type(error).__name__} {getattr(error, 'strerror', error)}"
    return results
"""
INSIDE = """
from distill.sandbox.inside.confinement import confine, take_pipes
requests, replies = take_pipes()
confine(json.loads(sys.argv[1]))
for line in os.fdopen(requests):
    os.write(replies, json.dumps(evaluate(*json.loads(line))).encode() + b"\\n")
"""
LIMITS = launcher.Limits(cpu_s=20, memory_mib=512, processes=16, file_kib=64)


def ask(confined: launcher.Confined, expressions: dict[str, str], values: dict[str, Any]) -> Any:
    """Evaluate expressions inside."""
    with suppress(BrokenPipeError):  # how it ended is found below
        confined.requests.write(json.dumps([expressions, values]).encode() + b"\n")
    reply = b""
    while not reply.endswith(b"\n"):
        if not select.select([confined.replies], [], [], 60)[0]:
            raise TimeoutError(f"no answer to {list(expressions)} after {reply!r}")
        chunk = confined.replies.read(1 << 16)
        if not chunk:
            os.set_blocking(confined.complaints.fileno(), False)
            said = (confined.complaints.read() or b"").decode()
            raise EOFError(f"the program ended with {confined.end(1)}: {said.strip()}")
        reply += chunk
    return json.loads(reply)


def world(folder: Path) -> dict[str, Any]:
    """Return the user's things: a process, and files."""
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    for name in ("file", "kept", "other", "third"):
        (folder / name).write_text("secret")
        os.setxattr(folder / name, "user.seen", b"1")
    names = {name.upper(): str(folder / name) for name in ("file", "kept")}
    return {"VICTIM": victim.pid, "FOLDER": str(folder), "NUMBER": NUMBERS[os.uname().machine]} | names


def state(things: dict[str, Any]) -> list[Any]:
    """Return what calls might have changed of them."""
    pid, folder = things["VICTIM"], Path(things["FOLDER"])
    files = [
        (path.name, path.stat().st_mode, path.stat().st_mtime, path.stat().st_size, os.listxattr(path))
        for path in sorted(folder.iterdir())
    ]
    limits = resource.prlimit(pid, resource.RLIMIT_CORE)
    return [files, limits, os.getpriority(os.PRIO_PROCESS, pid), os.sched_getscheduler(pid)]


def main(name: str) -> dict[str, Any]:
    """Make all calls."""
    try:
        confined = launcher.start(
            name, LIMITS, Program(together("distill.sandbox.inside.confinement") + EVALUATE + INSIDE)
        )
        ask(confined, {}, {})
    except (launcher.SandboxError, EOFError) as error:
        return {"unavailable": str(error)}
    resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096))  # so that the victim has one to lose
    space: dict[str, Any] = {}
    exec(EVALUATE, space)  # noqa: S102 (the same text, run outside)
    with tempfile.TemporaryDirectory(prefix="walls-") as folder, closing(confined.replies), closing(confined.requests):
        things = world(Path(folder))
        before = state(things)
        inside, ordinary = ask(confined, CALLS, things), ask(confined, ORDINARY, {})
        places = {"there": things["KEPT"], "absent": things["KEPT"] + "-absent"}
        paths = {
            place: ask(confined, LOOKS, {**things, "PATH": path, "ABSENT": places["absent"]})
            for place, path in places.items()
        }
        harm = [] if state(things) == before else [before, state(things)]
        confined.end(0)
        outside = space["evaluate"](CALLS | LOOKS, {**things, "PATH": things["KEPT"], "ABSENT": ""})
        os.kill(things["VICTIM"], 9)
    return {"inside": inside, "outside": outside, "harm": harm, "ordinary": ordinary, "paths": paths}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
