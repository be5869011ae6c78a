"""What becomes of every answer's code: the base's, the distilled student's and the teacher's, on the hidden checks.

In: answers by side and prompt, and the folder of checks (`<base prompt>.py`). Out: for each prompt a map of verdicts,
or None where it has no check; and which sandbox was used, or why none was.

What it will not do: run anything where no sandbox works.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from distill import execution
from distill.execution import SandboxParams, Verdict
from distill.jsonl import Row


@dataclass(frozen=True)
class Outcomes:
    """For each prompt: by side, a verdict (outcome and detail) an answer; None where nothing was run.

    `sandbox` is its name, or None with the `reason`.
    """

    rows: list[Row | None]
    sandbox: str | None
    reason: str | None

    def metrics(self) -> Row:
        """How the answers were run, as it stands in metrics/figures.json."""
        return {"sandbox": self.sandbox} | ({"sandbox_reason": self.reason} if self.reason else {})


def judge(answers: Mapping[str, Sequence[Sequence[str]]], checks: Sequence[Path], params: SandboxParams) -> Outcomes:
    """Run every answer that has a check.

    Args:
        answers: By side: for each prompt its answers, Markdown.
        checks: For each prompt where its check would be.
        params: The limits of each answer.
    """
    name, reason = execution.available()
    there = [path.is_file() for path in checks]
    if name and not any(there):
        reason = "no held-out prompt has a hidden check in data/prompts/checks"
    if name is None or not any(there):
        print(f"note: no answer was run: {reason}")
        return Outcomes([None] * len(checks), None, reason)
    if not all(there):
        print(f"note: {there.count(False)} of {len(there)} held-out prompts have no hidden check")
    return Outcomes(_run(answers, checks, there, params), name, None)


def _run(
    answers: Mapping[str, Sequence[Sequence[str]]], checks: Sequence[Path], there: list[bool], params: SandboxParams
) -> list[Row | None]:
    places = [
        (prompt, side, text)
        for side, each in answers.items()
        for prompt, texts in enumerate(each)
        if there[prompt]
        for text in texts
    ]
    rows: list[Row | None] = [{side: [] for side in answers} if found else None for found in there]
    with tqdm(desc="running answers", total=len(places), unit="", dynamic_ncols=True) as bar:

        def done(index: int, verdict: Verdict) -> None:
            bar.update()

        code, paths = [text for _, _, text in places], [checks[prompt] for prompt, _, _ in places]
        verdicts = execution.judge(code, paths, params, done)
    for (prompt, side, _), verdict in zip(places, verdicts, strict=True):
        row = rows[prompt]
        assert row is not None  # noqa: S101 (for the type checker)
        row[side].append(asdict(verdict))
    return rows
