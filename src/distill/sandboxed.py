"""The program that runs inside the sandbox: it confines itself, and has an answer checked (`distill.runner`).

In: limits (JSON, the only argument), then one job on standard input: a JSON line with a nonce and the sources of an
answer and of its check. Out: JSON lines on what was standard output, each with the nonce: where it is (`at`), and at
last an outcome and a detail. This text and those that it needs are passed to the interpreter, which could not see
them as files.

The channel and the nonce are taken before the answer is loaded, and held where no module has them by name.
"""

import json
import os
import resource
import sys
import types
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from typing import Any

from distill.runner import Run


def confine(limits: dict[str, Any]) -> None:
    """Give up what the sandbox around this process may have left: resources, the root user, system calls."""
    for name, value in limits["resources"].items():
        # At the soft limit on CPU time comes a signal that says so, at the hard one the end.
        hard = value + 1 if name == "RLIMIT_CPU" else value
        resource.setrlimit(getattr(resource, name), (value, hard))
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if limits["user"] is not None:
        _become(libc, limits["user"], limits["capability"])
    filters = bytes.fromhex(limits["seccomp"])

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filters", ctypes.c_char_p))

    program = Program(len(filters) // 8, filters)
    calls = [(38, 1, 0), (1, 9, 0), (22, 2, ctypes.byref(program))]  # no new privileges; die with the parent; seccomp
    for option, value, pointer in calls:
        if libc.prctl(option, ctypes.c_ulong(value), pointer, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl {option}")


def _become(libc: Any, user: int, capability: int | None) -> None:
    # Limits on processes do not bind root. `capability` is kept where only root can read the standard library.
    if capability is not None:
        libc.prctl(8, 1, 0, 0, 0)  # keep capabilities across the change of user
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if capability is not None:
        import ctypes

        mask = 1 << capability
        header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(mask, mask)
        if libc.capset(header, data) != 0:
            raise OSError(ctypes.get_errno(), "capset")


def channel(descriptor: int, nonce: str) -> Callable[[dict[str, str]], None]:
    """Return a function that sends a message; it needs no function that an answer could replace."""
    write, quote = os.write, encode_basestring_ascii

    def send(message: dict[str, str]) -> None:
        text = '{"nonce": "' + nonce + '"'
        for key, value in message.items():
            text += f', "{key}": ' + quote(value)
        data = (text + "}\n").encode()
        while data:
            data = data[write(descriptor, data) :]

    return send


def main() -> None:
    """Move the pipes out of the way of print() and input(), confine this process, run the check, and end."""
    requests, replies, leave = os.fdopen(os.dup(0), "rb"), os.dup(1), os._exit
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    confine(json.loads(sys.argv[1]))
    sys.argv = ["solution.py"]
    job = json.loads(requests.readline())
    requests.close()
    send = channel(replies, job.pop("nonce"))
    for name in [name for name in sys.modules if name.startswith("distill")]:
        del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")
    send({"at": "import"})
    try:
        outcome, detail = Run(job["solution"], job["check"], lambda where: send({"at": where})).verdict()
    except MemoryError:
        outcome, detail = "limit", "the memory limit was reached"
    send({"outcome": outcome, "detail": detail})
    leave(0)
