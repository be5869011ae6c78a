"""Judging answers: each in a sandbox of its own, by the hidden check of its prompt.

In: Markdown answers and their checks, of whatever kind (`checks`). Out: a verdict each. It judges nothing where no
sandbox works (`unavailable` says why).
"""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event

from pydantic import Field

from distill.common.config import Model, Number
from distill.common.errors import DistillError, InputError
from distill.sandbox import checks as files
from distill.sandbox.checks import Check
from distill.sandbox.conversation import Sandbox, Verdict
from distill.sandbox.kinds.python import PythonCheck
from distill.sandbox.launcher import Limits, SandboxError

SANDBOXES = ("bubblewrap", "sandlock")
"""In the order in which they are tried."""
OUTCOMES = ("pass", "no_code", "syntax", "refused", "exception", "wrong_answer", "time_out", "limit")
_NOT_STARTED = "the sandbox did not start: "
_PROBE = "def double(number: int) -> int:\n    return 2 * number\n"
_PROBE_CHECK = PythonCheck("from solution import double\n\n\ndef test_double():\n    assert double(21) == 42\n")


class SandboxParams(Model):
    """The sub-map `sandbox` of params.yaml: the limits of one answer."""

    wall_s: Number = Field(gt=0)
    cpu_s: int = Field(ge=1)
    memory_mib: int = Field(ge=64)
    processes: int = Field(ge=1)
    file_kib: int = Field(ge=0)

    def sandbox(self, name: str) -> Sandbox:
        """Return one of the SANDBOXES with these limits."""
        return Sandbox(name, Limits(self.cpu_s, self.memory_mib, self.processes, self.file_kib), self.wall_s)


def unavailable() -> str | None:
    """Return why no answer can be run here, or None."""
    return available()[1]


@functools.cache
def available(names: tuple[str, ...] = SANDBOXES) -> tuple[str | None, str | None]:
    """Return which of some sandboxes works here, the first if several do, or why none does."""
    if sys.platform != "linux":
        return None, "no sandbox works here (sandboxes need Linux)"
    params = SandboxParams(wall_s=30.0, cpu_s=10, memory_mib=512, processes=16, file_kib=1024)
    reasons = []
    for name in names:
        verdict = _run(params.sandbox(name), _PROBE, _PROBE_CHECK, Event())
        if verdict.outcome == "pass":
            return name, None
        reasons.append(f"{name}: {verdict.detail.removeprefix(_NOT_STARTED)}")
    return None, "no sandbox works here (" + "; ".join(reasons) + ")"


def judge(
    answers: Sequence[str],
    checks: Sequence[Check | Path],
    params: SandboxParams,
    on_done: Callable[[int, Verdict], None] = lambda index, verdict: None,
    *,
    workers: int | None = None,
    sandbox: str | None = None,
    whole: bool = False,
) -> list[Verdict]:
    """Put every answer to the check at the same place, in parallel, and return their verdicts in order.

    Args:
        answers: Markdown.
        checks: For each answer its check, or the path of one, which is then read once.
        params: The limits of each answer.
        on_done: Called with an index and its verdict as each is known, in the caller's thread.
        workers: Answers at one time; None: one a core.
        sandbox: 'bubblewrap' or 'sandlock'; None: the one that works here.
        whole: Load all of an answer's code as it is written, not the part that defines what the check wants.

    Raises:
        DistillError: No sandbox works here.
        InputError: A check is missing or is itself wrong.
    """
    name = sandbox or available()[0]
    if name is None:
        raise DistillError(f"answers cannot be run: {unavailable()}; install bubblewrap, or skip the pass metrics")
    read = {path: files.read(path) for path in dict.fromkeys(one for one in checks if isinstance(one, Path))}
    found = [read[check] if isinstance(check, Path) else check for check in checks]
    prepared = [prepare(answer, check, whole) for answer, check in zip(answers, found, strict=True)]
    stop, verdicts = Event(), {}
    pool = ThreadPoolExecutor(workers or _cores())
    try:
        futures = {
            pool.submit(_judged, params.sandbox(name), one, check, stop): index
            for index, (one, check) in enumerate(zip(prepared, found, strict=True))
        }
        for future in as_completed(futures):
            index = futures[future]
            verdicts[index] = future.result()
            on_done(index, verdicts[index])
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    return [verdicts[index] for index in range(len(answers))]


def prepare(answer: str, check: Check, whole: bool) -> str | Verdict:
    """Return what of an answer is to be looked at, or the verdict where nothing is."""
    try:
        return check.prepare(answer.removeprefix("\ufeff"), whole)  # a mark of some editors, no part of the answer
    except Exception as error:  # whatever it is in this answer, it must not end the others' judging
        return Verdict.of("syntax", f"the code could not be read ({type(error).__name__})")


def _judged(sandbox: Sandbox, prepared: str | Verdict, check: Check, stop: Event) -> Verdict:
    if isinstance(prepared, Verdict):
        return prepared
    verdict = _run(sandbox, prepared, check, stop)
    again = verdict.detail.startswith(_NOT_STARTED)  # on a machine that has no process or memory left for a moment
    return _run(sandbox, prepared, check, stop) if again else verdict


def _run(sandbox: Sandbox, prepared: str, check: Check, stop: Event) -> Verdict:
    """Return the verdict of one run; a judge that fails is an outcome too, a check that is wrong is not."""
    try:
        return check.judge(prepared, sandbox, stop)
    except InputError:
        raise
    except SandboxError as error:
        return Verdict.of("limit", f"{_NOT_STARTED}{error}")
    except Exception as error:
        return Verdict.of("limit", f"{_NOT_STARTED}{type(error).__name__}: {error}")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
