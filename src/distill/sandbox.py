"""Starting `distill.sandboxed` confined, in bubblewrap or in sandlock; the only import of sandlock.

In: limits. Out: a running process with two pipes. Inside it there is no network, no environment,
no other process to be seen, nothing that can be written, and to be read only the interpreter with its standard
library, pytest, the system's shared libraries and /dev/null. It will not run anything where neither sandbox works.
Under sandlock a program that guesses a path can learn that it exists (`stat`), not what it holds.

Limits: seconds of CPU, memory, file size, open files and core dumps by rlimits; new processes, sockets and more by
`distill.seccomp`; threads by an rlimit, which does not bind root, so that root's code runs under a user id of its own;
wall time and output by whoever reads the pipe (`distill.checking`).
"""

import functools
import importlib.util
import json
import os
import platform
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from distill import seccomp

OPEN_FILES = 64
FIRST_USER = 60_000
"""Root gives each program a user id from here on; the kernel counts threads for each id, over all processes."""
_NO_USER = (1 << 32) - 1  # the kernel's mark for "no user"
_MIB = 1 << 20
_DAC_READ_SEARCH = 2
_INSIDE = ("distill.impostor", "distill.seal", "distill.runner", "distill.sandboxed")
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


def start(name: str, limits: Limits) -> Confined:
    """Start `distill.sandboxed` in the sandbox called `name`.

    Raises:
        SandboxError: It could not be started.
    """
    if sys.platform != "linux":
        raise SandboxError("sandboxes need Linux")
    filters = seccomp.program(platform.machine())
    if filters is None:
        raise SandboxError(f"no system call table for {platform.machine()}")
    return STARTERS[name](limits, filters.hex())


def _bubblewrap(limits: Limits, filters: str) -> Confined:
    if (program := shutil.which("bwrap")) is None:
        raise SandboxError("bwrap is not on PATH")
    root = os.geteuid() == 0
    # As root without a user namespace, so that the program can be given a user id of its own.
    options = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user", "--uid", "65534"]
    options += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    options += ["--die-with-parent", "--new-session", "--clearenv", *_binds(visible()), "--dev-bind", "/dev/null"]
    options += ["/dev/null", "--remount-ro", "/", "--chdir", "/"]
    for key, value in _ENVIRONMENT.items():
        options += ["--setenv", key, value]
    rules = _rules(limits, filters, limits.processes, None)
    process = subprocess.Popen(
        [program, "--cap-drop", "ALL", *options, "--", *_command(rules)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        bufsize=0,
    )
    pipes = cast("tuple[IO[bytes], IO[bytes], IO[bytes]]", (process.stdin, process.stdout, process.stderr))

    def end(grace_s: float) -> int:
        try:
            status = process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        return 128 - status if status > 128 else status  # bwrap adds 128 to the number of a signal

    return Confined(*pipes, end)


def _binds(paths: list[str]) -> list[str]:
    # bwrap makes missing parents readable by their owner alone, who is not the user that the program becomes.
    parents = sorted({str(parent) for path in [*paths, "/dev/null"] for parent in Path(path).parents} - {"/"})
    options = [word for parent in parents for word in ("--perms", "0755", "--dir", parent)]
    return options + [word for path in paths for word in ("--ro-bind", path, path)]


def _sandlock(limits: Limits, filters: str) -> Confined:
    try:
        from sandlock import ExitReason, Sandbox, StdioMode, landlock_abi_version, min_landlock_abi
    except (ImportError, OSError) as error:
        raise SandboxError(f"sandlock cannot be imported ({type(error).__name__})") from None
    if landlock_abi_version() < min_landlock_abi():
        raise SandboxError(f"the kernel's Landlock is version {landlock_abi_version()}, not {min_landlock_abi()}")
    root = os.geteuid() == 0
    read = all(map(_readable_by_others, [sysconfig.get_path("stdlib"), *_runner_paths()]))
    capability = _DAC_READ_SEARCH if root and not read else None
    # Without a user namespace the kernel counts all that the user runs; root's code has a user id of its own.
    threads = limits.processes + (0 if root else _threads_of(os.geteuid()))
    rules = _rules(limits, filters, threads, capability)
    box = Sandbox(
        fs_readable=visible(),
        fs_writable=["/dev/null"],
        clean_env=True,
        env=_ENVIRONMENT,
        max_processes=1,
        cwd="/",
    )
    pipe = StdioMode.PIPED
    try:
        process = box.popen(_command(rules), stdin=pipe, stdout=pipe, stderr=pipe)
    except Exception as error:  # sandlock's own tree of exceptions, and RuntimeError
        raise SandboxError(f"sandlock: {' '.join(str(error).split())}") from None

    def end(grace_s: float) -> int:
        result = process.wait(max(grace_s, 0.001))
        if result.reason in (ExitReason.KILLED, ExitReason.TIMEOUT):
            return -signal.SIGKILL
        return -int(result.signal) if result.reason == ExitReason.SIGNALED else int(result.exit_code)

    return Confined(process.stdin, process.stdout, process.stderr, end)


STARTERS: dict[str, Callable[[Limits, str], Confined]] = {"bubblewrap": _bubblewrap, "sandlock": _sandlock}


def visible() -> list[str]:
    """Return what a confined program may read: the interpreter, its libraries, the system's, and pytest."""
    interpreter = os.path.realpath(sys.executable)
    paths = [interpreter, sysconfig.get_path("stdlib"), *_SYSTEM_LIBRARIES]
    # A library that the interpreter is linked with may lie beside it; those of the system's own are listed above.
    paths += [str(Path(sys.base_prefix, name)) for name in ("lib", "lib64") if sys.base_prefix not in ("/", "/usr")]
    paths += _runner_paths()
    exist = dict.fromkeys(path for path in paths if os.path.exists(path))
    return [path for path in exist if not any(str(parent) in exist for parent in Path(path).parents)]


def _command(rules: dict[str, Any]) -> list[str]:
    # No site-packages (-s -S), no current directory on the path (-P), no cache files (-B).
    return [os.path.realpath(sys.executable), "-s", "-S", "-P", "-B", "-c", _program(), json.dumps(rules)]


@functools.cache
def _program() -> str:
    """Return one program that holds the modules that run inside, which it could not see there as files."""
    texts = {name: Path(__file__).with_name(f"{name.partition('.')[2]}.py").read_text("utf-8") for name in _INSIDE}
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
        "module.main()\n"
    )


@functools.cache
def runner_files() -> dict[str, str]:
    """Return pytest and what it imports: by name, the file that a module is or that a package begins with."""
    specs = {name: importlib.util.find_spec(name) for name in _RUNNER}
    return {name: os.path.realpath(spec.origin) for name, spec in specs.items() if spec and spec.origin}


def _runner_paths() -> list[str]:
    """Return what is to be readable of them, and nothing beside them."""
    return [file.removesuffix("/__init__.py") for file in runner_files().values()]


def _rules(limits: Limits, filters: str, threads: int, capability: int | None) -> dict[str, Any]:
    resources = {
        "RLIMIT_NPROC": threads,
        "RLIMIT_AS": limits.memory_mib * _MIB,
        "RLIMIT_CPU": limits.cpu_s,
        "RLIMIT_FSIZE": limits.file_kib << 10,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_CORE": 0,
    }
    user = _unused_user() if os.geteuid() == 0 else None
    return {"resources": resources, "user": user, "capability": capability, "seccomp": filters}


def _unused_user() -> int:
    """Draw a user id, of all that this user namespace has: programs that run together must not share one's threads."""
    ranges = [[int(word) for word in line.split()] for line in Path("/proc/self/uid_map").read_text().splitlines()]
    end = min(max(first + length for first, _, length in ranges), _NO_USER)
    if end <= FIRST_USER:
        raise SandboxError(f"root's programs need a user id of their own, and here they end at {end - 1}")
    return FIRST_USER + secrets.randbelow(end - FIRST_USER)


def _threads_of(user: int) -> int:
    """Count the threads that a user runs, the kernel's measure for RLIMIT_NPROC."""
    count = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            if status.stat().st_uid == user:
                count += int(status.read_text().partition("Threads:")[2].split()[0])
    return count


def _readable_by_others(path: str) -> bool:
    places = [Path(path), *Path(path).parents]
    return all(place.stat().st_mode & stat.S_IXOTH and place.stat().st_mode & stat.S_IROTH for place in places)
