"""Talking with one confined program, from outside: start it, send it a job, read what it says, leave nothing running.

In: a sandbox with limits, a program and a job. Out: what the program wrote, and how it ended. Here nothing of an answer
is run or believed: what comes out of the sandbox is read within a time and a number of bytes.
"""

import json
import os
import re
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Lock

from distill.common.jsonl import Row
from distill.sandbox.launcher import Confined, Limits, SandboxError, start
from distill.sandbox.programs import Program

DETAIL = 160
"""Characters of a verdict's detail."""
REPORT_BYTES = 1 << 20
END_S = 5.0
"""Seconds for a program that has closed its pipe to end, before it is killed."""
READY = b"ready\n"
_SLICE_S = 0.1
# One start at a time, so that no program inherits another's pipes and keeps them open.
_STARTING = Lock()


@dataclass(frozen=True)
class Verdict:
    """What came of one answer: an outcome of `run_checks.OUTCOMES`, and one line that is the same on every machine."""

    outcome: str
    detail: str

    @classmethod
    def of(cls, outcome: str, detail: str) -> "Verdict":
        """Make a verdict of any text: addresses, paths and control characters would differ from machine to machine."""
        detail = re.sub(r"0x[0-9a-fA-F]+", "0x…", detail)
        detail = re.sub(r"(?<![\w.])/[\w.+-]+(/[\w.+-]+)+", "…", detail)
        detail = " ".join("".join(char if char.isprintable() else " " for char in detail).split())
        return cls(outcome, detail if len(detail) <= DETAIL else detail[: DETAIL - 1] + "…")


@dataclass(frozen=True)
class Sandbox:
    """Where something is run: the sandbox's name, and the limits of one run."""

    name: str
    limits: Limits
    wall_s: float


@dataclass(frozen=True)
class Ended:
    """What a program wrote, and the status with which it ended of itself."""

    output: bytes
    status: int


class Stopped(Exception):
    """The judging was stopped from outside."""


class Over(Exception):
    """The program can say no more; `verdict` says what that means."""

    def __init__(self, outcome: str, detail: str) -> None:
        self.verdict = Verdict.of(outcome, detail)


def ran(sandbox: Sandbox, program: Program, job: Row, stop: Event, incoming: bytes = b"") -> Ended:
    """Run a program that says READY when it has read its job, and then gets `incoming`; return what it wrote then.

    Raises:
        SandboxError: The sandbox did not come up.
        Stopped: `stop` was set.
        Over: A limit was reached, or a signal ended the program.
    """
    with talk(sandbox, program, stop) as talking:
        talking.send(json.dumps(job).encode() + b"\n")
        output, began = b"", False
        try:
            for chunk in talking.chunks():
                output += chunk
                if not began and output.startswith(READY):
                    began = True
                    talking.send(incoming, last=True)
            status = talking.ended()
            if not began:
                raise Over("exception", "the program ended before it began")
        except Over as over:
            if began or over.verdict.outcome == "time_out":
                raise
            raise SandboxError(talking.complaints() or over.verdict.detail) from None
        return Ended(output.removeprefix(READY), status)


@contextmanager
def talk(sandbox: Sandbox, program: Program, stop: Event) -> Iterator["Talk"]:
    """Start a program, and leave nothing running.

    Raises:
        SandboxError: It could not be started.
    """
    deadline = time.monotonic() + sandbox.wall_s
    with _STARTING:
        confined = start(sandbox.name, sandbox.limits, program)
    try:
        yield Talk(confined, deadline, stop)
    finally:
        with suppress(OSError):
            confined.end(0)
        for pipe in (confined.requests, confined.replies, confined.complaints):
            with suppress(OSError):
                pipe.close()


class Talk:
    """The conversation with one confined program."""

    def __init__(self, confined: Confined, deadline: float, stop: Event) -> None:
        self.confined, self.deadline, self.stop = confined, deadline, stop
        self.budget = REPORT_BYTES
        self.unsent, self.last = b"", False
        os.set_blocking(confined.requests.fileno(), False)

    def send(self, data: bytes, *, last: bool = False) -> None:
        """Have data written while `chunks` reads; `last`: nothing comes behind it."""
        self.unsent, self.last = self.unsent + data, last

    def chunks(self) -> Iterator[bytes]:
        """Yield what the program writes, until it closes its end, however slowly it reads what is sent to it.

        Raises:
            Over: The time or the number of bytes is used up.
            Stopped: `stop` was set.
        """
        while True:
            self._write()
            if not self._wait():
                continue
            chunk = os.read(self.confined.replies.fileno(), 1 << 16)
            if not chunk:
                return
            self.budget -= len(chunk)
            if self.budget < 0:
                raise Over("limit", "the limit on output was reached")
            yield chunk

    def _write(self) -> None:
        """Write what the pipe takes; a program need not read."""
        pipe = self.confined.requests
        if pipe.closed:
            return
        try:
            self.unsent = self.unsent[os.write(pipe.fileno(), self.unsent) :] if self.unsent else b""
        except BlockingIOError:
            return
        except OSError:
            self.unsent, self.last = b"", True
        if self.last and not self.unsent:
            pipe.close()

    def _wait(self) -> bool:
        """Wait until the program has written, or can be written to; tell whether it has."""
        poll = select.poll()
        poll.register(self.confined.replies, select.POLLIN)
        if self.unsent:
            poll.register(self.confined.requests, select.POLLOUT)
        while not self.stop.is_set():
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Over("time_out", "the time limit was reached")
            if ready := poll.poll(min(left, _SLICE_S) * 1000):
                return self.confined.replies.fileno() in dict(ready)
        raise Stopped

    def ended(self) -> int:
        """Return the status with which the program ended of itself.

        Raises:
            Over: It did not.
        """
        status = self.confined.end(min(END_S, max(0.0, self.deadline - time.monotonic())))
        if status == -signal.SIGXCPU:
            raise Over("time_out", "the limit on CPU time was reached")
        if status == -signal.SIGKILL:
            raise Over("limit", "the program was killed")
        if status < 0:
            raise Over("exception", f"the program crashed (signal {-status}) before it reported")
        return status

    def complaints(self) -> str:
        """Return what the sandbox said."""
        os.set_blocking(self.confined.complaints.fileno(), False)
        with suppress(OSError):
            return Verdict.of("", (self.confined.complaints.read() or b"").decode(errors="replace")).detail
        return ""
