"""What becomes of every answer, the base's, the distilled student's and the teacher's, on the hidden checks.

In: answers by side and prompt, and the prompts' checks. Out: for each prompt a map of verdicts, or None where it has no
check; and which sandbox was used, or why none was. To a pytest file every answer is put with the code that defines what
is asked for, and each side's first answer (the greedy one) with all of its code, too, as it is written.

What it will not do: run anything where no sandbox works.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from tqdm import tqdm

from distill.common.jsonl import Row
from distill.sandbox import run_checks
from distill.sandbox.checks import Check
from distill.sandbox.conversation import Verdict
from distill.sandbox.kinds.python import PythonCheck
from distill.sandbox.run_checks import SandboxParams


@dataclass(frozen=True)
class Outcomes:
    """For each prompt: by side, a verdict (outcome and detail) an answer; None where nothing was run.

    The first answer's has one more, `as_written`: of all its code; None where the check is no pytest file.
    `sandbox` is its name, or None with the `reason`.
    """

    rows: list[Row | None]
    sandbox: str | None
    reason: str | None

    def metrics(self) -> Row:
        """How the answers were run, as it stands in metrics/figures.json."""
        return {"sandbox": self.sandbox} | ({"sandbox_reason": self.reason} if self.reason else {})


def judge(
    answers: Mapping[str, Sequence[Sequence[str]]], checks: Sequence[Check | None], params: SandboxParams
) -> Outcomes:
    """Run every answer that has a check.

    Args:
        answers: By side: for each prompt its answers, Markdown.
        checks: For each prompt its check, or None.
        params: The limits of each answer.
    """
    name, reason = run_checks.available()
    there = [check is not None for check in checks]
    if name and not any(there):
        reason = "no held-out prompt has a hidden check in data/checks"
    if name is None or not any(there):
        print(f"note: no answer was run: {reason}")
        return Outcomes([None] * len(checks), None, reason)
    if not all(there):
        print(f"note: {there.count(False)} of {len(there)} held-out prompts have no hidden check")
    return Outcomes(_run(answers, checks, params), name, None)


def _run(
    answers: Mapping[str, Sequence[Sequence[str]]], checks: Sequence[Check | None], params: SandboxParams
) -> list[Row | None]:
    places = [
        (prompt, side, text, check)
        for side, each in answers.items()
        for prompt, (texts, check) in enumerate(zip(each, checks, strict=True))
        if check
        for text in texts
    ]
    rows: list[Row | None] = [{side: [] for side in answers} if check else None for check in checks]
    texts, found = [text for _, _, text, _ in places], [check for _, _, _, check in places]
    verdicts = judged(texts, found, params, "running answers")
    greedy = [number for number, place in enumerate(places) if number == 0 or places[number - 1][:2] != place[:2]]
    python = [number for number in greedy if isinstance(found[number], PythonCheck)]
    whole = dict.fromkeys(greedy) | _as_written(texts, found, params, verdicts, python)
    for number, ((prompt, side, _, _), verdict) in enumerate(zip(places, verdicts, strict=True)):
        row = rows[prompt]
        assert row is not None  # noqa: S101 (for the type checker)
        row[side].append(asdict(verdict) | ({"as_written": _row(whole[number])} if number in whole else {}))
    return rows


def _row(verdict: Verdict | None) -> Row | None:
    return asdict(verdict) if verdict else None


def _as_written(
    texts: list[str], checks: list[Check], params: SandboxParams, verdicts: list[Verdict], chosen: list[int]
) -> dict[int, Verdict]:
    """Return the verdicts of the chosen answers' whole code, by place; what is the same code is not run again."""
    more = [number for number in chosen if not _same(texts[number], checks[number])]
    ran = judged([texts[n] for n in more], [checks[n] for n in more], params, "running them as written", whole=True)
    return {number: verdicts[number] for number in chosen} | dict(zip(more, ran, strict=True))


def _same(answer: str, check: Check) -> bool:
    return run_checks.prepare(answer, check, True) == run_checks.prepare(answer, check, False)


def judged(
    texts: list[str], checks: list[Check], params: SandboxParams, doing: str, *, whole: bool = False
) -> list[Verdict]:
    """Return `run_checks.judge`'s verdicts, and show how far it is."""
    with tqdm(desc=doing, total=len(texts), unit="", dynamic_ncols=True) as bar:

        def done(index: int, verdict: Verdict) -> None:
            bar.update()

        return run_checks.judge(texts, checks, params, done, whole=whole)
