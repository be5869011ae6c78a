"""metrics/plots/*.tsv: what `dvc plots` draws of an evaluation; the training curve beside them is the training's.

In go the rows of metrics/evaluation.jsonl, out come three tables, one row a mark:
- likelihood.tsv: prompt, rank (1 is the easiest for the base), model, difficulty, loss (nats a token);
- style.tsv: feature, model, share (the mean over prompts);
- outcomes.tsv: difficulty, outcome, model, prompts (how many), share.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from distill.common.jsonl import Row, write_text
from distill.evaluate.report.wording import MODELS

SHARE_LABELS = {
    "parsed": "Code that parses",
    "typed": "Fully type-hinted functions",
    "documented": "Docstrings",
    "args_section": "Docstrings with Args",
    "returns_section": "Docstrings with Returns",
    "raises_section": "Docstrings with Raises",
    "doctested": "Docstrings with doctests",
    "validated": "Functions that validate input",
    "code_share": "Share of the answer that is code",
    "lead_in": "Explains before the code",
    "notes": "Notes after the code",
}
"""The style features from 0 to 1 (distill.evaluate.style.profiles), as they are shown."""

AMOUNT_LABELS = {
    "words": "Words outside code",
    "comments": "Comments a line of code",
    "tests": "Test functions",
    "exceptions": "Own exception classes",
    "headings": "Headings",
    "bullets": "Bullet points",
    "numbered": "Numbered points",
    "bold": "Bold passages",
}
"""The style features from 0 up."""

DIFFICULTIES = ("easy", "medium", "hard")

OUTCOMES = {
    "pass": "pass",
    "wrong_answer": "wrong answer",
    "exception": "exception",
    "time_out": "time-out",
    "limit": "over a limit",
    "refused": "refused",
    "syntax": "syntax error",
    "no_code": "no code",
    "not_run": "not run",
}
"""What can become of an answer's code, from best to worst; the last where there is no sandbox to run it in."""


def write(folder: Path, details: Sequence[Row]) -> None:
    """Write the three tables into `folder`."""
    write_text(folder / "likelihood.tsv", likelihood(details))
    write_text(folder / "style.tsv", style(details))
    write_text(folder / "outcomes.tsv", outcomes(details))


def difficulty(row: Row) -> str:
    """Return a held-out prompt's difficulty: easy of the group heldout-easy, or the group itself."""
    return str(row["group"]).removeprefix("heldout-")


def by_difficulty(details: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows of each difficulty, from easy to hard; other groups come last, in the order of the rows."""
    groups: dict[str, list[Row]] = {name: [] for name in DIFFICULTIES}
    for row in details:
        groups.setdefault(difficulty(row), []).append(row)
    return {name: rows for name, rows in groups.items() if rows}


def mean_style(details: Iterable[Row], labels: dict[str, str]) -> list[tuple[str, dict[str, float]]]:
    """Return the label of each feature and its mean for each model, over the answers that have it."""
    styles = [row.get("style") or {} for row in details]
    found = []
    for key, label in labels.items():
        values = {
            model: [float(style[model][key]) for style in styles if key in style.get(model, {})] for model in MODELS
        }
        found.append((label, {model: fmean(numbers) for model, numbers in values.items() if numbers}))
    return [(label, means) for label, means in found if means]


def loss(score: Row) -> float:
    """Return the loss of a likelihood entry in nats a token; an answer without a token has none to lose."""
    return float(score["nll"]) / max(1, int(score["tokens"]))


def likelihood(details: Iterable[Row]) -> str:
    """Return the loss of base and distilled on the teacher's answer to each prompt, from the base's easiest on."""
    scored = [(row["likelihood"], row) for row in details if row.get("likelihood")]
    ranked = sorted(scored, key=lambda pair: (loss(pair[0]["base"]), pair[1]["id"]))
    rows = [
        (row["id"], rank, model, difficulty(row), f"{loss(score[model]):.4f}")
        for rank, (score, row) in enumerate(ranked, start=1)
        for model in MODELS[:2]
    ]
    return _tsv(("prompt", "rank", "model", "difficulty", "loss"), rows)


def style(details: Iterable[Row]) -> str:
    """Return the mean of each style feature that is a share, for each model."""
    means = mean_style(details, SHARE_LABELS)
    rows = [(label, model, f"{value:.4f}") for label, models in means for model, value in models.items()]
    return _tsv(("feature", "model", "share"), rows)


def outcomes(details: Iterable[Row]) -> str:
    """Return what became of each model's code (of the first sample), by difficulty; every outcome has its row."""
    rows = [
        (group, label, model, count[outcome], f"{count[outcome] / count.total():.4f}")
        for group, members in by_difficulty(details).items()
        for model in MODELS
        if (count := Counter(_first_outcome(row, model) for row in members if row["answers"].get(model)))
        for outcome, label in OUTCOMES.items()
    ]
    return _tsv(("difficulty", "outcome", "model", "prompts", "share"), rows)


def _first_outcome(row: Row, model: str) -> str:
    # DVC cannot draw a table without rows, so code that was not run has an outcome as well.
    verdicts = (row["outcomes"] or {}).get(model)
    return str(verdicts[0]["outcome"]) if verdicts else "not_run"


def _tsv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in (header, *rows))
