"""Starting a program confined, in bubblewrap or in sandlock.

In: limits. Out: a running process with two pipes. The threat is code that a model wrote, and that may do anything its
process can: nothing it does may touch a process, a file, the network or a name outside, whoever the user is. It will
not run anything where neither sandbox works.

What stops what:
- this file: the file system, by bubblewrap's mounts, or by sandlock (`supervisor`) in `private_root`.
  There are the interpreter, its standard library, pytest, the system's shared libraries, /dev/null, and no other
  path, not even its existence. The environment; the network and other processes, by bubblewrap's namespaces, or by
  Landlock.
- `syscalls` and `seccomp`: all else that a process can ask of the kernel. What is not listed as
  harmless is denied: new processes, sockets, other processes of the same user, modes and times of its files.
- `confinement`: rlimits on CPU seconds, memory, file size, open files, threads and core dumps. The kernel
  counts threads for each user, over all its processes, and root's not at all: root's program gets a user id of its
  own; an ordinary user's in sandlock may have as many as the limit says more than the user has.
- whoever reads the pipes: wall time and output (`distill.sandbox.conversation`).

What remains: the program sees the clock, the kernel's version, how many cores there are, the names of the system's
libraries, and how fast things go, and so how busy the machine is.
"""

import functools
import importlib.util
import json
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

from distill.sandbox import seccomp, supervisor

OPEN_FILES = 64
FIRST_USER = 60_000
"""Root gives each program a user id from here on; the kernel counts threads for each id, over all processes."""
_NO_USER = (1 << 32) - 1  # the kernel's mark for "no user"
_MIB = 1 << 20
_TO_CLEAN_UP_S = 5.0
_INSIDE = (
    "distill.sandbox.inside.confinement",
    "distill.sandbox.inside.impostor",
    "distill.sandbox.inside.seal",
    "distill.sandbox.inside.runner",
    "distill.sandbox.inside.guest",
)
"""The modules that run inside, in the order of their imports; the last one's `main` is called."""
_RUNNER = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "py")
_SYSTEM_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/etc/ld.so.cache")
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


def start(name: str, limits: Limits, program: str | None = None) -> Confined:
    """Start a program in the sandbox called `name`: the text of one, by default `distill.sandbox.inside.guest`.

    Its one argument is the rules (JSON) that `confinement` is to apply before anything else is done.

    Raises:
        SandboxError: It could not be started.
    """
    if sys.platform != "linux":
        raise SandboxError("sandboxes need Linux")
    filters = seccomp.program(platform.machine())
    if filters is None:
        raise SandboxError(f"no system call table for {platform.machine()}")
    return STARTERS[name](limits, filters, program or _guest())


def _bubblewrap(limits: Limits, filters: list[seccomp.Step], program: str) -> Confined:
    if (bwrap := shutil.which("bwrap")) is None:
        raise SandboxError("bwrap is not on PATH")
    root = os.geteuid() == 0
    # As root without a user namespace, so that the program can be given a user id of its own.
    options = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user", "--uid", "65534"]
    options += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-cgroup-try"]
    options += ["--unshare-uts", "--hostname", "sandbox"]
    options += ["--die-with-parent", "--new-session", "--clearenv", *_binds(visible()), "--dev-bind", "/dev/null"]
    options += ["/dev/null", "--remount-ro", "/", "--chdir", "/"]
    for key, value in _ENVIRONMENT.items():
        options += ["--setenv", key, value]
    rules = _rules(limits, filters, _unused_user() if root else None, supervised=False)
    told, tells = os.pipe()
    command = [bwrap, "--info-fd", str(tells), "--cap-drop", "ALL", *options]
    command += ["--", *_interpreter(), "-c", program, json.dumps(rules)]
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


def _sandlock(limits: Limits, filters: list[seccomp.Step], program: str) -> Confined:
    job = supervisor.Job(
        interpreter=_interpreter(),
        visible=visible(),
        environment=_ENVIRONMENT,
        rules=_rules(limits, filters, None, supervised=True),
        user=_unused_user() if os.geteuid() == 0 else None,
    )
    command = [sys.executable, "-s", "-S", "-P", "-B", "-m", supervisor.__name__, json.dumps(asdict(job)), program]
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


STARTERS: dict[str, Callable[[Limits, list[seccomp.Step], str], Confined]] = {
    "bubblewrap": _bubblewrap,
    "sandlock": _sandlock,
}


def visible() -> list[str]:
    """Return what a confined program may read: the interpreter, its libraries, the system's, and pytest."""
    interpreter = os.path.realpath(sys.executable)
    paths = [interpreter, sysconfig.get_path("stdlib"), *_SYSTEM_LIBRARIES]
    # A library that the interpreter is linked with may lie beside it; those of the system's own are listed above.
    paths += [str(Path(sys.base_prefix, name)) for name in ("lib", "lib64") if sys.base_prefix not in ("/", "/usr")]
    paths += [file.removesuffix("/__init__.py") for file in runner_files().values()]
    exist = dict.fromkeys(path for path in paths if os.path.exists(path))
    return [path for path in exist if not any(str(parent) in exist for parent in Path(path).parents)]


def _interpreter() -> list[str]:
    # No site-packages (-s -S), no current directory on the path (-P), no cache files (-B).
    return [os.path.realpath(sys.executable), "-s", "-S", "-P", "-B"]


@functools.cache
def _guest() -> str:
    """Return one program that holds the modules that run inside, which it could not see there as files."""
    return together(*_INSIDE) + "module.main()\n"


def together(*names: str) -> str:
    """Return a program text that defines modules, each of which may import those before it, and pytest."""
    texts = {name: _source(name).read_text("utf-8") for name in names}
    return (
        "import sys, types\n"
        "from importlib.util import spec_from_file_location\n"
        "class Runner:\n"  # the folder around these packages cannot be listed, so Python's own finder sees none
        f"    files = {runner_files()!r}\n"
        "    def find_spec(name, path, target=None):\n"
        "        return spec_from_file_location(name, Runner.files[name]) if name in Runner.files else None\n"
        "sys.meta_path.append(Runner)\n"
        f"for name, text in {texts!r}.items():\n"
        "    module = sys.modules[name] = types.ModuleType(name)\n"
        "    exec(compile(text, name, 'exec', dont_inherit=True), module.__dict__)\n"
    )


def _source(name: str) -> Path:
    return Path(__file__).parents[1].joinpath(*name.split(".")[1:]).with_suffix(".py")


@functools.cache
def runner_files() -> dict[str, str]:
    """Return pytest and what it imports: by name, the file that a module is or that a package begins with."""
    specs = {name: importlib.util.find_spec(name) for name in _RUNNER}
    return {name: os.path.realpath(spec.origin) for name, spec in specs.items() if spec and spec.origin}


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
