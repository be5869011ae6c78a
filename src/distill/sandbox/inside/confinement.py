"""Runs inside the sandbox: a process gives up there what the sandbox around it may have left to it.

In: rules, as `launcher` makes them. It is passed in as text with the other modules that run inside, where this
repository cannot be seen, and so needs the standard library alone. It comes before any code that is not trusted.
"""

import ctypes
import errno
import os
import resource
import stat
import struct
import sys
from typing import Any

_SET_PARENT_DEATH_SIGNAL, _SET_SECCOMP, _SET_NO_NEW_PRIVILEGES = 1, 22, 38  # of prctl
_KILL, _FILTER = 9, 2


def take_pipes() -> tuple[int, int]:
    """Return descriptors for requests and replies; whatever else was open is closed, and 0, 1 and 2 are /dev/null."""
    # sandlock leaves the files open by which it started the interpreter.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    requests, replies = os.dup(0), os.dup(1)
    # sandlock's standard error is the machine's own /dev/null; what lies there at that path is a small file.
    null = 2 if stat.S_ISCHR(os.fstat(2).st_mode) else os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    if null > 2:
        os.close(null)
    return requests, replies


def confine(rules: dict[str, Any]) -> None:
    """Set the limits on resources, become the user that `rules` names, if any, and install the system call filter."""
    for name, value in rules["resources"].items():
        # At the soft limit on CPU time comes a signal that says so, at the hard one the end.
        hard = value + 1 if name == "RLIMIT_CPU" else value
        resource.setrlimit(getattr(resource, name), (value, hard))
    if rules["user"] is not None:  # limits on threads do not bind root, and its capabilities end with it
        os.setgroups([])
        os.setresgid(*[rules["user"]] * 3)
        os.setresuid(*[rules["user"]] * 3)
    if rules["supervised"]:
        missing_is_missing()
    _prctl(_SET_NO_NEW_PRIVILEGES, 1)
    _prctl(_SET_PARENT_DEATH_SIGNAL, _KILL)
    _install(rules["seccomp"])
    os.stat(os.__file__)  # a sandbox that cannot resolve paths must not look as if code did not work


def missing_is_missing() -> None:
    """Let FileNotFoundError be raised for what lies in a folder that is not there, where sandlock denies permission."""
    events = ("open", "os.listdir", "os.scandir")

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event in events and isinstance(path := arguments[0], str | bytes):
            try:
                os.stat(os.path.dirname(path) or os.curdir)
            except FileNotFoundError:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None

    sys.addaudithook(check)


def _install(steps: list[tuple[int, int, int, int | None]]) -> None:
    own = os.getpid()
    filters = b"".join(
        struct.pack("<HBBI", code, yes, no, own if value is None else value) for code, yes, no, value in steps
    )

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filters", ctypes.c_char_p))

    _prctl(_SET_SECCOMP, _FILTER, ctypes.byref(Program(len(steps), filters)))


def _prctl(option: int, value: int, pointer: Any = 0) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), pointer, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")
