"""metrics/plots/*.tsv: what `dvc plots` draws of an evaluation (the training curve beside them is written by train).

In: the rows of metrics/evaluation.jsonl. Out: three tables, with a row for each mark that is drawn:
- likelihood.tsv: prompt, rank (1 is the easiest for the base), model, difficulty (its group), loss (nats a token);
- style.tsv: feature (a share of the style profile), model, share (the mean over prompts);
- outcomes.tsv: difficulty (the group), outcome, model, prompts (how many), share.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from distill.common.jsonl import Row, write_text
from distill.evaluate.report.rows import MODELS, by_group, label, loss, mean_style
from distill.evaluate.style.features import Features

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
"""What can become of an answer, from best to worst; the last where there is no check."""


def write(folder: Path, details: Sequence[Row], features: Features) -> None:
    """Write the three tables into `folder`; `features` are those of the style profile."""
    write_text(folder / "likelihood.tsv", likelihood(details))
    write_text(folder / "style.tsv", style(details, features))
    write_text(folder / "outcomes.tsv", outcomes(details))


def likelihood(details: Iterable[Row]) -> str:
    """Return the loss of base and distilled on the teacher's answer to each prompt, from the base's easiest on."""
    scored = [(row["likelihood"], row) for row in details if row.get("likelihood")]
    ranked = sorted(scored, key=lambda pair: (loss(pair[0]["base"]), pair[1]["id"]))
    rows = [
        (row["id"], rank, model, label(row), f"{loss(score[model]):.4f}")
        for rank, (score, row) in enumerate(ranked, start=1)
        for model in MODELS[:2]
    ]
    return _tsv(("prompt", "rank", "model", "difficulty", "loss"), rows)


def style(details: Iterable[Row], features: Features) -> str:
    """Return the mean of each style feature that is a share, for each model."""
    means = mean_style(details, features, amounts=False)
    rows = [(name, model, f"{value:.4f}") for name, models in means for model, value in models.items()]
    return _tsv(("feature", "model", "share"), rows)


def outcomes(details: Sequence[Row]) -> str:
    """Return what became of each model's answers (of the first sample), by group; every outcome has its row.

    Where some prompts have no check, their answers are drawn as not run; where nothing was run, nothing is drawn.
    """
    rows = [
        (group, name, model, count[outcome], f"{count[outcome] / count.total():.4f}")
        for group, members in by_group(details if any(row["outcomes"] for row in details) else ()).items()
        for model in MODELS
        if (count := Counter(_first_outcome(row, model) for row in members if row["answers"].get(model)))
        for outcome, name in OUTCOMES.items()
    ]
    return _tsv(("difficulty", "outcome", "model", "prompts", "share"), rows)


def _first_outcome(row: Row, model: str) -> str:
    verdicts = (row["outcomes"] or {}).get(model)
    return str(verdicts[0]["outcome"]) if verdicts else "not_run"


def _tsv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows([header, *rows])
    return text.getvalue()
