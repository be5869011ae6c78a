"""Starting a program confined, in bubblewrap or in sandlock.

In: limits. Out: a running process with two pipes. The threat is code that a model wrote, and that may do anything its
process can: nothing it does may touch a process, a file, the network or a name outside, whoever the user is. It will
not run anything where neither sandbox works.

What stops what:
- this file: the file system, by bubblewrap's mounts, or by sandlock (`supervisor`) in `private_root`.
  There are what `programs` lists, /dev/null, and no other path, not even its existence. The environment; the network
  and other processes, by bubblewrap's namespaces, or by Landlock.
- `syscalls` and `seccomp`: all else that a process can ask of the kernel. What is not listed as
  harmless is denied: new processes, sockets, other processes of the same user, modes and times of its files.
- `inside.confinement`: rlimits on CPU seconds, memory, file size, open files, threads and core dumps. The kernel
  counts threads for each user, over all its processes, and root's not at all: root's program gets a user id of its
  own; an ordinary user's in sandlock may have as many as the limit says more than the user has.
- whoever reads the pipes: wall time and output (`distill.sandbox.conversation`).

What remains: the program sees the clock, the kernel's version, how many cores there are, the names of the system's
libraries, and how fast things go, and so how busy the machine is.
"""

import json
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

from distill.sandbox import programs, seccomp, supervisor
from distill.sandbox.programs import Program

OPEN_FILES = 64
FIRST_USER = 60_000
"""Root gives each program a user id from here on; the kernel counts threads for each id, over all processes."""
_NO_USER = (1 << 32) - 1  # the kernel's mark for "no user"
_MIB = 1 << 20
_TO_CLEAN_UP_S = 5.0
# One malloc arena: each thread's own would reserve 64 MiB of the memory limit.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1", "PYTHONHASHSEED": "0"}


@dataclass(frozen=True)
class Limits:
    """What the kernel enforces on one confined program."""

    cpu_s: int
    memory_mib: int
    processes: int
    file_kib: int


@dataclass(frozen=True)
class Confined:
    """A running confined program: unbuffered pipes for requests to it, replies from it, complaints, and its end."""

    requests: IO[bytes]
    replies: IO[bytes]
    complaints: IO[bytes]
    """What the sandbox said while starting; the program itself closes its end before it loads any code."""
    end: Callable[[float], int]
    """Wait for the end, by force after so many seconds; return the exit status, or minus the number of the signal."""


class SandboxError(Exception):
    """This sandbox does not work here; the text says why."""


def start(name: str, limits: Limits, program: Program) -> Confined:
    """Start a program in the sandbox called `name`.

    Raises:
        SandboxError: It could not be started.
    """
    if sys.platform != "linux":
        raise SandboxError("sandboxes need Linux")
    filters = seccomp.program(platform.machine(), commands=program.commands)
    if filters is None:
        raise SandboxError(f"no system call table for {platform.machine()}")
    return STARTERS[name](limits, filters, program)


def _bubblewrap(limits: Limits, filters: list[seccomp.Step], program: Program) -> Confined:
    if (bwrap := shutil.which("bwrap")) is None:
        raise SandboxError("bwrap is not on PATH")
    root = os.geteuid() == 0
    # As root without a user namespace, so that the program can be given a user id of its own.
    options = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user", "--uid", "65534"]
    options += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-cgroup-try"]
    options += ["--unshare-uts", "--hostname", "sandbox"]
    options += [
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        *_binds(programs.visible(program)),
        "--dev-bind",
        "/dev/null",
    ]
    options += ["/dev/null", "--remount-ro", "/", "--chdir", "/"]
    for key, value in _ENVIRONMENT.items():
        options += ["--setenv", key, value]
    rules = _rules(limits, filters, _unused_user() if root else None, supervised=False)
    told, tells = os.pipe()
    command = [bwrap, "--info-fd", str(tells), "--cap-drop", "ALL", *options]
    command += ["--", *_interpreter(), "-c", program.text, json.dumps(rules)]
    with os.fdopen(told, "rb") as info:
        try:
            confined = _started(command, {}, signal.SIGKILL, (tells,))
        finally:
            os.close(tells)
        said = info.read()

    def end(grace_s: float) -> int:
        status = confined.end(grace_s)
        # bwrap's child outlives it by a moment: it is ours then if this process adopts orphans, as a container's first.
        with suppress(ChildProcessError):
            if said:
                os.waitpid(json.loads(said)["child-pid"], 0)
        return status

    return replace(confined, end=end)


def _binds(paths: list[str]) -> list[str]:
    # bwrap makes missing parents readable by their owner alone, who is not the user that the program becomes.
    parents = sorted({str(parent) for path in [*paths, "/dev/null"] for parent in Path(path).parents} - {"/"})
    options = [word for parent in parents for word in ("--perms", "0755", "--dir", parent)]
    return options + [word for path in paths for word in ("--ro-bind", path, path)]


def _sandlock(limits: Limits, filters: list[seccomp.Step], program: Program) -> Confined:
    job = supervisor.Job(
        interpreter=_interpreter(),
        visible=programs.visible(program),
        environment=_ENVIRONMENT,
        rules=_rules(limits, filters, None, supervised=True),
        user=_unused_user() if os.geteuid() == 0 else None,
        commands=program.commands,
    )
    command = [sys.executable, "-s", "-S", "-P", "-B", "-m", supervisor.__name__, json.dumps(asdict(job)), program.text]
    # sandlock looks for the user's home: a user id without a passwd entry has none, and none is needed.
    environment = {"HOME": "/", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return _started(command, environment, signal.SIGTERM)


def _started(
    command: list[str], environment: dict[str, str], end_signal: signal.Signals, pass_fds: Sequence[int] = ()
) -> Confined:
    """Start a command that passes its program's end on as bwrap does: 128 and the number of a signal."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=environment,
        bufsize=0,
        start_new_session=True,
        pass_fds=pass_fds,
    )
    pipes = cast("tuple[IO[bytes], IO[bytes], IO[bytes]]", (process.stdin, process.stdout, process.stderr))

    def end(grace_s: float) -> int:
        try:
            status = process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.send_signal(end_signal)
            try:
                process.wait(_TO_CLEAN_UP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            return -signal.SIGKILL
        return 128 - status if status > 128 else status

    return Confined(*pipes, end)


STARTERS: dict[str, Callable[[Limits, list[seccomp.Step], Program], Confined]] = {
    "bubblewrap": _bubblewrap,
    "sandlock": _sandlock,
}


def _interpreter() -> list[str]:
    # No site-packages (-s -S), no current directory on the path (-P), no cache files (-B).
    return [os.path.realpath(sys.executable), "-s", "-S", "-P", "-B"]


def _rules(limits: Limits, filters: list[seccomp.Step], user: int | None, *, supervised: bool) -> dict[str, Any]:
    resources = {
        "RLIMIT_NPROC": limits.processes,
        "RLIMIT_AS": limits.memory_mib * _MIB,
        "RLIMIT_CPU": limits.cpu_s,
        "RLIMIT_FSIZE": limits.file_kib << 10,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_CORE": 0,
    }
    return {"resources": resources, "user": user, "supervised": supervised, "seccomp": filters}


def _unused_user() -> int:
    """Draw a user id, of all that this user namespace has: programs that run together must not share one's threads."""
    ranges = [[int(word) for word in line.split()] for line in Path("/proc/self/uid_map").read_text().splitlines()]
    end = min(max(first + length for first, _, length in ranges), _NO_USER)
    if end <= FIRST_USER:
        raise SandboxError(f"root's programs need a user id of their own, and here they end at {end - 1}")
    return FIRST_USER + secrets.randbelow(end - FIRST_USER)
