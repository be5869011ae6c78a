"""Judging answers by running them: each in a sandbox of its own, by the hidden check of its prompt, under pytest.

In: Markdown answers and the paths of their checks. Out: a verdict each. It runs nothing where no sandbox works
(`unavailable` says why). Check and answer share one confined process, as in HumanEval, EvalPlus and BigCodeBench.
"""

import ast
import functools
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event

from pydantic import Field

from distill.common.config import Model, Number
from distill.common.errors import DistillError, InputError
from distill.sandbox import conversation, extract_code
from distill.sandbox.conversation import Verdict
from distill.sandbox.extract_code import NoSource
from distill.sandbox.launcher import Limits, SandboxError

SANDBOXES = ("bubblewrap", "sandlock")
"""In the order in which they are tried."""
OUTCOMES = ("pass", "no_code", "syntax", "refused", "exception", "wrong_answer", "time_out", "limit")
_NOT_STARTED = "the sandbox did not start: "
_PROBE = "def double(number: int) -> int:\n    return 2 * number\n"
_PROBE_CHECK = "from solution import double\n\n\ndef test_double():\n    assert double(21) == 42\n"


class SandboxParams(Model):
    """The sub-map `sandbox` of params.yaml: the limits of one answer."""

    wall_s: Number = Field(gt=0)
    cpu_s: int = Field(ge=1)
    memory_mib: int = Field(ge=64)
    processes: int = Field(ge=1)
    file_kib: int = Field(ge=0)


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
        verdict = _run(name, params, _PROBE, _PROBE_CHECK, Event())
        if verdict.outcome == "pass":
            return name, None
        reasons.append(f"{name}: {verdict.detail.removeprefix(_NOT_STARTED)}")
    return None, "no sandbox works here (" + "; ".join(reasons) + ")"


def judge(
    answers: Sequence[str],
    checks: Sequence[Path],
    params: SandboxParams,
    on_done: Callable[[int, Verdict], None] = lambda index, verdict: None,
    *,
    workers: int | None = None,
    sandbox: str | None = None,
    whole: bool = False,
) -> list[Verdict]:
    """Run every answer against the check at the same place, in parallel, and return their verdicts in order.

    Args:
        answers: Markdown.
        checks: One path an answer.
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
    texts = {path: read_check(path) for path in dict.fromkeys(checks)}
    prepared = [prepare(answer, texts[path], whole) for answer, path in zip(answers, checks, strict=True)]
    stop, verdicts = Event(), {}
    pool = ThreadPoolExecutor(workers or _cores())
    try:
        futures = {
            pool.submit(_judged, name, params, one, texts[path], stop): index
            for index, (one, path) in enumerate(zip(prepared, checks, strict=True))
        }
        for future in as_completed(futures):
            index = futures[future]
            verdicts[index] = future.result()
            on_done(index, verdicts[index])
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    return [verdicts[index] for index in range(len(answers))]


def prepare(answer: str, check: str, whole: bool) -> str | Verdict:
    """Return the code of an answer that is to be run, or the verdict where there is nothing to run or it is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the answer's syntax
            wanted = extract_code.wanted_names(check)
            found = extract_code.as_written(answer) if whole else extract_code.selected(answer, wanted)
            name = None if isinstance(found, NoSource) else extract_code.refused(found)
    except Exception as error:  # whatever it is in this answer, it must not end the others' judging
        return Verdict.of("syntax", f"the code could not be read ({type(error).__name__})")
    if isinstance(found, NoSource):
        return Verdict.of(found.outcome, found.detail)
    return found if name is None else Verdict.of("refused", name)


def read_check(path: Path) -> str:
    """Return the text of a check.

    Raises:
        InputError: There is none, or it is itself wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; write the hidden check of that held-out prompt") from None
    except SyntaxError as error:
        raise InputError(f"{path}:{error.lineno}: the check does not compile ({error.msg}); fix the check") from None
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    if not any(function.name.startswith("test") for function in functions):
        raise InputError(f"{path}: the check has no test function; write one whose name begins with 'test_'")
    return text


def _judged(name: str, params: SandboxParams, prepared: str | Verdict, check: str, stop: Event) -> Verdict:
    if isinstance(prepared, Verdict):
        return prepared
    verdict = _run(name, params, prepared, check, stop)
    again = verdict.detail.startswith(_NOT_STARTED)  # on a machine that has no process or memory left for a moment
    return _run(name, params, prepared, check, stop) if again else verdict


def _run(name: str, params: SandboxParams, solution: str, check: str, stop: Event) -> Verdict:
    """Return the verdict of one run; a judge that fails is an outcome too."""
    limits = Limits(params.cpu_s, params.memory_mib, params.processes, params.file_kib)
    try:
        return conversation.run(name, limits, params.wall_s, solution, check, stop)
    except SandboxError as error:
        return Verdict.of("limit", f"{_NOT_STARTED}{error}")
    except Exception as error:
        return Verdict.of("limit", f"{_NOT_STARTED}{type(error).__name__}: {error}")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
