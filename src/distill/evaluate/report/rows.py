"""What the report's modules ask of the rows of metrics/evaluation.jsonl: groups, loss, mean style."""

from collections.abc import Iterable
from statistics import fmean

from distill.common.jsonl import Row
from distill.evaluate.style.features import Features

MODELS = ("base", "distilled", "teacher")
"""Whose answers a row has; the first two have a likelihood too."""


def label(row: Row) -> str:
    """Return what a held-out prompt's group is called: its name, without the `heldout-` that it may begin with."""
    return str(row["group"]).removeprefix("heldout-")


def by_group(details: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows of each group: from the easiest on, by `difficulty`; those without one last, as they are met."""
    groups: dict[str, list[Row]] = {}
    for row in details:
        groups.setdefault(label(row), []).append(row)
    return dict(sorted(groups.items(), key=lambda item: item[1][0].get("difficulty") or float("inf")))


def grouping(details: Iterable[Row]) -> str:
    """Return what the groups differ in: their difficulty, if all have one."""
    return "difficulty" if all(row.get("difficulty") for row in details) else "group"


def mean_style(details: Iterable[Row], features: Features, *, amounts: bool) -> list[tuple[str, dict[str, float]]]:
    """Return the label of each share, or each amount, and its mean for each model, over the answers that have it."""
    styles = [row.get("style") or {} for row in details]
    found = []
    for key, feature in features.items():
        values = {
            model: [float(style[model][key]) for style in styles if key in style.get(model, {})] for model in MODELS
        }
        means = {model: fmean(numbers) for model, numbers in values.items() if numbers}
        found += [(feature.label, means)] if means and feature.amount == amounts else []
    return found


def loss(score: Row) -> float:
    """Return the loss of a likelihood entry in nats a token; an answer without a token has none to lose."""
    return float(score["nll"]) / max(1, int(score["tokens"]))
