"""The process that runs one program in sandlock, and resolves its paths for it; the only import of sandlock.

In: a job (JSON) and the program's text, as arguments; the program inherits standard input and output. Out: the
program's exit status, 128 and more for the number of a signal; on standard error why it could not be run.

It is a process of its own because sandlock reads the program's memory: the kernel lets a process do so to another of
the same user, and root to others only with a capability that containers lack. Started by root it becomes the user
that the program is to be, so that not even sandlock opens files with root's rights.
"""

import ctypes
import json
import os
import resource
import signal
import stat
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.sandbox import private_root

_SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE, _KEEP_CAPABILITIES = 1, 4, 8  # of prctl
_DAC_READ_SEARCH = 1 << 2
_CAPABILITIES_VERSION = 0x20080522
_REMOVE = 0  # of shmctl and semctl
_MORE_THREADS = 2
"""Threads that this process has yet to start when it counts those of its user: sandlock's, and the one that waits."""


@dataclass(frozen=True)
class Job:
    """What to run, and how.

    `rules` are for `inside.confinement`, `user` is whom to become, or None, `commands`: whether it may start some.
    """

    interpreter: list[str]
    visible: list[str]
    environment: dict[str, str]
    rules: dict[str, Any]
    user: int | None
    commands: bool


def run(sandlock: Any, job: Job, program: str) -> int:
    """Run a program to its end, or until SIGTERM comes; return its exit status."""
    version, least = sandlock.landlock_abi_version(), sandlock.min_landlock_abi()
    if version < least:
        raise RuntimeError(f"the kernel's Landlock is version {version}, not {least}")
    job.rules["resources"]["RLIMIT_NPROC"] += _threads_of(os.getuid()) + _MORE_THREADS
    with private_root.make(job.visible) as root:
        box = sandlock.Sandbox(
            chroot=root,
            fs_mount_ro={path: path for path in job.visible if os.path.isdir(path)},
            fs_readable=["/"],
            fs_writable=[os.devnull],
            clean_env=True,
            env=job.environment,
            max_processes=int(job.rules["resources"]["RLIMIT_NPROC"]) if job.commands else 1,
            name=f"sandbox-{os.urandom(4).hex()}",  # the host name inside; two at one time must not share it
            cwd="/",
        )
        inherit = sandlock.StdioMode.INHERIT
        # Its standard error is the machine's /dev/null from the start, because none can be opened in there.
        process = box.popen(
            [*job.interpreter, "-c", program, json.dumps(job.rules)],
            stdin=inherit,
            stdout=inherit,
            stderr=sandlock.StdioMode.NULL,
        )
        handle = os.pidfd_open(process.pid)
        signal.signal(signal.SIGTERM, lambda *_: _kill(handle))
        result = _wait(process)
    if result.reason == sandlock.ExitReason.KILLED:
        return 128 + signal.SIGKILL
    return 128 + int(result.signal) if result.reason == sandlock.ExitReason.SIGNALED else int(result.exit_code)


def _kill(handle: int) -> None:
    with suppress(ProcessLookupError):  # it has ended, and what is left is to clean up
        signal.pidfd_send_signal(handle, signal.SIGKILL)


def _wait(process: Any) -> Any:
    # In a thread: a signal is handled in the main one, and not while that is in foreign code.
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(process.wait()))
    thread.start()
    thread.join()
    return results[0]


def _threads_of(user: int) -> int:
    """Count the threads that a user runs, the kernel's measure for RLIMIT_NPROC."""
    count = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            if status.stat().st_uid == user:
                count += int(status.read_text().partition("Threads:")[2].split()[0])
    return count


def _become(user: int, paths: list[str]) -> None:
    """Become a user; of root's rights only that of reading is kept, and only where `paths` cannot be read without."""
    libc = ctypes.CDLL(None, use_errno=True)
    keep = not all(_readable_by_others(path) for path in paths)
    if keep:
        libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if keep:
        header, data = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)(*[_DAC_READ_SEARCH] * 2)
        if libc.capset(header, data) != 0:
            raise PermissionError("root lacks CAP_DAC_READ_SEARCH, and other users may not read the standard library")
    libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0)  # sandlock reads what it starts


def _readable_by_others(path: str) -> bool:
    return bool(os.stat(path).st_mode & stat.S_IROTH) and all(
        parent.stat().st_mode & stat.S_IXOTH for parent in Path(path).parents
    )


def _forget(user: int) -> None:
    """Remove what sandlock keeps for a user until the machine ends: System V memory and semaphores."""
    libc = ctypes.CDLL(None)
    for kind, owner in (("shm", 7), ("sem", 4)):
        for line in Path("/proc/sysvipc", kind).read_text().splitlines()[1:]:
            words = line.split()
            if int(words[owner]) == user:
                number = int(words[1])
                libc.shmctl(number, _REMOVE, 0) if kind == "shm" else libc.semctl(number, 0, _REMOVE)


def main() -> None:
    """Become the user, if one is named, run the program, and leave nothing behind."""
    job, program = Job(**json.loads(sys.argv[1])), sys.argv[2]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGKILL))  # until there is a program to end
    try:
        import sandlock

        if job.user is not None:
            _become(job.user, [*job.visible, str(sandlock.__file__), __file__])
        # After that, because becoming another user forgets it. The program's own end comes with this process's.
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
        status = run(sandlock, job, program)
    except Exception as error:  # sandlock's own tree of exceptions, and those of the import and the system
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
    finally:
        if job.user is not None:
            _forget(job.user)
    sys.exit(status)


if __name__ == "__main__":
    main()
