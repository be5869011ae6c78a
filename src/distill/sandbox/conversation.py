"""One answer's run, from outside: start a sandbox, send the job, read the report, and leave nothing running.

In: the sources of an answer and of its check, and limits. Out: a verdict. Here nothing of the answer is run or
believed: what comes out of the sandbox is a few lines of JSON, of known form, within a time and a number of bytes,
and only with the nonce that was sent in before the answer was loaded.
"""

import json
import os
import re
import secrets
import select
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock
from typing import IO

from distill.sandbox.launcher import Confined, Limits, SandboxError, start

DETAIL = 160
"""Characters of a verdict's detail."""
REPORT_BYTES = 1 << 20
END_S = 5.0
"""Seconds for a program that has closed its pipe to end, before it is killed."""
_REPORTED = frozenset({"pass", "wrong_answer", "exception", "limit", "refused"})
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


class Stopped(Exception):
    """The judging was stopped from outside."""


class _Over(Exception):
    """The program can say no more: the arguments are its outcome and detail."""


def run(sandbox: Sandbox, solution: str, check: str, stop: Event) -> Verdict:
    """Run a check on a solution in a sandbox of their own.

    Raises:
        SandboxError: The sandbox did not come up.
        Stopped: `stop` was set.
    """
    deadline = time.monotonic() + sandbox.wall_s
    with _STARTING:
        confined = start(sandbox.name, sandbox.limits)
    talk = _Talk(confined, deadline, stop)
    try:
        return talk.hold({"nonce": talk.nonce, "solution": solution, "check": check})
    finally:
        with suppress(OSError):
            confined.end(0)
        for pipe in (confined.requests, confined.replies, confined.complaints):
            with suppress(OSError):
                pipe.close()


class _Talk:
    """The conversation with one confined program."""

    def __init__(self, confined: Confined, deadline: float, stop: Event) -> None:
        self.confined, self.deadline, self.stop = confined, deadline, stop
        self.nonce = secrets.token_hex(16)
        self.budget = REPORT_BYTES
        self.where: str | None = None
        """The test that runs, as the program says; None until it is ready for the answer."""

    def hold(self, job: dict[str, str]) -> Verdict:
        """Send the job and return the verdict."""
        try:
            self.send(json.dumps(job).encode() + b"\n")
            return self.receive()
        except _Over as over:
            outcome, detail = over.args
        if self.where is None and outcome != "time_out":
            raise SandboxError(self.complaints() or detail)
        return Verdict.of(outcome, detail if self.where in (None, "import") else f"{self.where}: {detail}")

    def send(self, data: bytes) -> None:
        """Write the job, however slowly the program reads."""
        pipe = self.confined.requests
        os.set_blocking(pipe.fileno(), False)
        while data:
            self.wait(pipe, select.POLLOUT)
            try:
                data = data[os.write(pipe.fileno(), data) :]
            except BlockingIOError:
                continue
            except OSError:
                self.ended()

    def receive(self) -> Verdict:
        """Read lines until one has the outcome."""
        rest = b""
        while True:
            self.wait(self.confined.replies, select.POLLIN)
            chunk = os.read(self.confined.replies.fileno(), 1 << 16)
            self.budget -= len(chunk)
            if not chunk:
                self.ended()
            if self.budget < 0:
                raise _Over("limit", "the limit on output was reached")
            *lines, rest = (rest + chunk).split(b"\n")
            for message in map(self.message, lines):
                if "outcome" in message:
                    return Verdict.of(message["outcome"], message["detail"])
                self.where = message["at"]

    def message(self, line: bytes) -> dict[str, str]:
        """Return what a line says, if the runner wrote it."""
        with suppress(ValueError, RecursionError):
            said = json.loads(line)
            if isinstance(said, dict) and all(isinstance(value, str) for value in said.values()):
                form, outcome = said.keys() - {"nonce"}, said.get("outcome")
                known = form == {"at"} or (form == {"outcome", "detail"} and outcome in _REPORTED)
                if known and secrets.compare_digest(said.get("nonce", "").encode(), self.nonce.encode()):
                    return said
        raise _Over("exception", "the code wrote where the runner reports")

    def wait(self, pipe: IO[bytes], event: int) -> None:
        """Wait until a pipe is ready."""
        poll = select.poll()
        poll.register(pipe.fileno(), event)
        while not self.stop.is_set():
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise _Over("time_out", "the time limit was reached")
            if poll.poll(min(left, _SLICE_S) * 1000):
                return
        raise Stopped

    def ended(self) -> None:
        """Say how the program ended."""
        status = self.confined.end(min(END_S, max(0.0, self.deadline - time.monotonic())))
        if status == -signal.SIGXCPU:
            raise _Over("time_out", "the limit on CPU time was reached")
        if status == -signal.SIGKILL:
            raise _Over("limit", "the program was killed")
        how = f"crashed (signal {-status})" if status < 0 else "ended"
        raise _Over("exception", f"the program {how} before it reported")

    def complaints(self) -> str:
        """Return what the sandbox said."""
        os.set_blocking(self.confined.complaints.fileno(), False)
        with suppress(OSError):
            return Verdict.of("", (self.confined.complaints.read() or b"").decode(errors="replace")).detail
        return ""
