"""Inside the sandbox: an answer is put to a pytest file (`runner`), and what came of it is reported.

In: a job with a nonce and the sources of an answer and of its check. Out: JSON lines on what was standard output, each
with the nonce: where it is (`at`), and at last an outcome and a detail.

The channel and the nonce are taken before the answer is loaded, and held where no module has them by name.
"""

import os
import sys
import types
from collections.abc import Callable
from json.encoder import encode_basestring_ascii

from distill.sandbox.inside.opening import opened
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
    """Run the check, and end."""
    job, incoming, replies = opened()
    os.close(incoming)
    sys.argv, leave = ["solution.py"], os._exit
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
