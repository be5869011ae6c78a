"""The program that runs inside the sandbox: it confines itself, and has an answer checked (`runner`).

In: limits (JSON, the only argument), then one job on standard input: a JSON line with a nonce and the sources of an
answer and of its check. Out: JSON lines on what was standard output, each with the nonce: where it is (`at`), and at
last an outcome and a detail. This text and those that it needs are passed to the interpreter, which could not see
them as files.

The channel and the nonce are taken before the answer is loaded, and held where no module has them by name.
"""

import json
import os
import sys
import types
from collections.abc import Callable
from json.encoder import encode_basestring_ascii

from distill.sandbox.inside.confinement import confine, take_pipes
from distill.sandbox.inside.runner import Run


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
    incoming, replies = take_pipes()
    requests, leave = os.fdopen(incoming, "rb"), os._exit
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
