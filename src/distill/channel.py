"""Messages between the judge and one confined program, one JSON object a line, over its two pipes.

In: requests. Out: replies. The program is hostile until proven otherwise: neither the time it takes, nor what it
returns in bytes, nor its form is trusted. What ends the conversation is the answer's verdict, and is kept.
"""

import json
import os
import select
import signal
import time
from dataclasses import dataclass
from typing import Any, NoReturn

from distill.sandbox import Confined

BROKEN = "the program broke the protocol"
END_S = 5.0
"""Seconds for a program that has closed its pipe to end, before it is killed."""


class Over(BaseException):
    """The answer can be asked no more: `outcome` and `detail` are its verdict. No `except Exception` hides it."""

    def __init__(self, outcome: str, detail: str) -> None:
        super().__init__(outcome, detail)
        self.outcome, self.detail = outcome, detail


@dataclass
class Channel:
    """Messages to one confined program, until `deadline` (of time.monotonic) or `budget` bytes have come from it."""

    confined: Confined
    deadline: float
    budget: int
    over: Over | None = None
    _rest: bytes = b""

    def __post_init__(self) -> None:
        for pipe in (self.confined.requests, self.confined.replies):
            os.set_blocking(pipe.fileno(), False)

    def exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a message and return the next one that comes."""
        if self.over:
            raise self.over
        self.send(message)
        return self.receive()

    def send(self, message: dict[str, Any]) -> None:
        """Write one message, however slowly the program reads."""
        data = memoryview(json.dumps(message).encode() + b"\n")
        while data:
            self.wait(self.confined.requests.fileno(), select.POLLOUT)
            try:
                data = data[os.write(self.confined.requests.fileno(), data) :]
            except BlockingIOError:
                continue
            except OSError:
                self.ended()

    def receive(self) -> dict[str, Any]:
        """Read one message."""
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            self.wait(self.confined.replies.fileno(), select.POLLIN)
            chunk = os.read(self.confined.replies.fileno(), 1 << 16)
            self.budget -= len(chunk)
            if not chunk:
                self.ended()
            if self.budget < 0:
                self.fail("limit", "the limit on output was reached")
            parts.append(chunk)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        return message if isinstance(message, dict) else self.fail("exception", BROKEN)

    def wait(self, descriptor: int, event: int) -> None:
        """Wait until a pipe is ready."""
        poll = select.poll()
        poll.register(descriptor, event)
        left = self.deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            self.fail("time_out", "the time limit was reached")

    def ended(self) -> NoReturn:
        """Say how the program ended."""
        status = self.confined.end(min(END_S, self.deadline - time.monotonic()))
        if status == -signal.SIGXCPU:
            self.fail("time_out", "the limit on CPU time was reached")
        if status == -signal.SIGKILL:
            self.fail("limit", "the program was killed")
        how = f"crashed (signal {-status})" if status < 0 else "ended"
        self.fail("exception", f"the program {how} before it answered")

    def fail(self, outcome: str, detail: str) -> NoReturn:
        """End the conversation: from now on every use of the answer raises the same."""
        self.over = Over(outcome, detail)
        raise self.over
