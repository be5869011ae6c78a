"""Judging answers by running them: each in a sandbox of its own, against the hidden check of its prompt.

In: Markdown answers and the paths of their checks. Out: a verdict each. It runs nothing where no sandbox works
(`unavailable` says why), and the judge never shares an interpreter with what it judges: the check runs in a trusted
process (`distill.checking`), the answer's code in a confined one (`distill.sandboxed`), and they talk over pipes.
"""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, cast

from pydantic import Field

from distill.config import Model, Number
from distill.errors import DistillError, InputError

SANDBOXES = ("bubblewrap", "sandlock")
"""In the order in which they are tried."""
OUTCOMES = ("pass", "no_code", "syntax", "exception", "wrong_answer", "time_out", "limit")


class SandboxParams(Model):
    """The sub-map `evaluate.sandbox` of params.yaml: the limits of one answer."""

    wall_s: Number = Field(gt=0)
    cpu_s: int = Field(ge=1)
    memory_mib: int = Field(ge=64)
    processes: int = Field(ge=1)
    file_kib: int = Field(ge=0)
    output_kib: int = Field(ge=1)


@dataclass(frozen=True)
class Verdict:
    """What came of one answer: an outcome of OUTCOMES, and one line that is the same on every machine."""

    outcome: str
    detail: str


def unavailable() -> str | None:
    """Return why no answer can be run here, or None."""
    return available()[1]


@functools.cache
def available(names: tuple[str, ...] = SANDBOXES) -> tuple[str | None, str | None]:
    """Return which of some sandboxes works here, the first if several do, or why none does."""
    if sys.platform != "linux":
        return None, "no sandbox works here (sandboxes need Linux)"
    worker = _Worker()
    try:
        reply = worker.ask({"names": names})
    finally:
        worker.close()
    return reply.get("sandbox"), reply.get("reason", "no sandbox works here (the judge did not start)")


def judge(
    answers: Sequence[str],
    checks: Sequence[Path],
    params: SandboxParams,
    on_done: Callable[[int, Verdict], None] = lambda index, verdict: None,
    *,
    workers: int | None = None,
    sandbox: str | None = None,
) -> list[Verdict]:
    """Run every answer against the check at the same place, in parallel, and return their verdicts in order.

    Args:
        answers: Markdown; `distill.extraction` says which code of it is run.
        checks: One path an answer.
        params: The limits of each answer.
        on_done: Called with an index and its verdict as each is known, in the caller's thread.
        workers: Answers at one time; None: one a core.
        sandbox: 'bubblewrap' or 'sandlock'; None: the one that works here.

    Raises:
        DistillError: No sandbox works here.
        InputError: A check is missing or is itself wrong.
    """
    name = sandbox or available()[0]
    if name is None:
        raise DistillError(f"answers cannot be run: {unavailable()}; install bubblewrap, or skip the pass metrics")
    texts = {path: _read(path) for path in dict.fromkeys(checks)}
    jobs = [
        {"answer": answer, "source": texts[path], "check": str(path), "sandbox": name, "limits": params.model_dump()}
        for answer, path in zip(answers, checks, strict=True)
    ]
    return _run(jobs, on_done, min(workers or _cores(), max(1, len(jobs))))


def _run(jobs: list[dict[str, Any]], on_done: Callable[[int, Verdict], None], size: int) -> list[Verdict]:
    verdicts: dict[int, Verdict] = {}
    free: SimpleQueue[_Worker] = SimpleQueue()
    team = [_Worker() for _ in range(size)]
    for worker in team:
        free.put(worker)
    pool = ThreadPoolExecutor(size)
    try:
        futures = {pool.submit(_judge_one, job, free): index for index, job in enumerate(jobs)}
        for future in as_completed(futures):
            index = futures[future]
            verdicts[index] = future.result()
            on_done(index, verdicts[index])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in team:
            worker.close()
        pool.shutdown()
    return [verdicts[index] for index in range(len(jobs))]


def _judge_one(job: dict[str, Any], free: "SimpleQueue[_Worker]") -> Verdict:
    worker = free.get()
    try:
        reply = worker.ask(job)
    finally:
        free.put(worker)
    if "error" in reply:
        raise InputError(f"{job['check']}: {reply['error']}; mend the check")
    return Verdict(reply["outcome"], reply["detail"])


class _Worker:
    """One trusted process that judges one job after another; started again should it die."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start the process, and wait until it says that it is ready."""
        # No variable of the environment goes along: none is needed, and some are secrets.
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "distill.checking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # an interrupt from the keyboard goes to the caller alone, which ends this
        )
        self.jobs, self.verdicts = cast("tuple[IO[bytes], IO[bytes]]", (self.process.stdin, self.process.stdout))
        self.closed = False
        if self.verdicts.readline() != b"ready\n":
            self.close()
            raise RuntimeError("the judge's process did not start; what it said is above")

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Return the reply to one job."""
        line = b""
        with suppress(BrokenPipeError, ValueError):
            self.jobs.write(json.dumps(job).encode() + b"\n")
            self.jobs.flush()
            line = self.verdicts.readline()
        if line.endswith(b"\n"):
            reply: dict[str, Any] = json.loads(line)
            return reply
        if not self.closed:
            self.close()
            self.start()
        return {"outcome": "limit", "detail": "the judge was killed"}

    def close(self) -> None:
        """End the process and what it runs."""
        self.closed = True
        self.process.terminate()
        for pipe in (self.jobs, self.verdicts):
            with suppress(BrokenPipeError):
                pipe.close()
        self.process.wait()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; write the hidden check of that held-out prompt") from None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
