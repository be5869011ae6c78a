"""What the report's modules ask of the rows of metrics/evaluation.jsonl: difficulty, loss, mean style."""

from collections.abc import Iterable
from statistics import fmean

from distill.common.jsonl import Row

MODELS = ("base", "distilled", "teacher")
"""Whose answers a row has; the first two have a likelihood too."""
DIFFICULTIES = ("easy", "medium", "hard")


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
