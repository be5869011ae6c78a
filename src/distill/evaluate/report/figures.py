"""metrics/figures.json: all figures of an evaluation, each with its interval and verdict; metrics/evaluate.json: a few.

In: the rows of metrics/evaluation.jsonl. Out: one map, and an extract of it that fits into the columns of `dvc metrics
show`. docs/evaluate.md says what each figure means.

A figure is a mean over held-out prompts; one about tokens is a total over all answer tokens. Every difference is
distilled minus base, with the 95% interval of a paired bootstrap over prompts (`distill.shared.statistics`). Figures
are rounded to four decimals. Lengths are neither good nor bad, so their verdicts are "longer" and "shorter".
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from distill.common.jsonl import Row
from distill.evaluate.report.rows import MODELS, label
from distill.evaluate.style.distance import distance
from distill.evaluate.style.features import Features
from distill.shared.statistics import (
    Interval,
    paired_bootstrap,
    pass_at_k,
    prompts_needed,
    smallest_detectable,
    verdict,
)

DIGITS = 4
SHORT = ("nll", "token_accuracy", "style_distance", "pass_at_")
"""The figures (by how their names begin) that metrics/evaluate.json has."""
POINTS = 0.05
"""The change in pass@1 of which figures.json says how many prompts find it."""
Values = dict[str, list[float]]


@dataclass(frozen=True)
class Bootstrap:
    """How the intervals are made."""

    resamples: int
    seed: int


def headline(details: Sequence[Row], bootstrap: Bootstrap, pass_k: int, features: Features) -> Row:
    """Return the metrics, outcomes and counts; docs/evaluate.md explains the keys.

    Args:
        details: The rows of metrics/evaluation.jsonl, two at least.
        bootstrap: How the intervals are made.
        pass_k: The k of pass@k, for answers that were sampled.
        features: Those of the style profile by which the answers were measured.
    """
    result: Row = {"heldout": _heldout(details)} | _likelihood(details, bootstrap)
    result |= _passes(details, bootstrap, pass_k)
    result["style_distance"] = _metric(_style_distances(details, features), bootstrap, False)
    result["ended"] = _metric(_answers(details, "ended"), bootstrap, True)
    empty = _each(details, lambda row, side: float(not row["answers"][side][0]["text"].strip()))
    result["empty"] = _metric(empty, bootstrap, False)
    result["repetition"] = _metric(_health(details, "repetition"), bootstrap, False)
    result["copied_run"] = _lengths(_metric(_health(details, "copied_run"), bootstrap, True))
    result["answer_tokens"] = _lengths(_metric(_answers(details, "tokens"), bootstrap, True))
    result["longest_copied_run"] = {side: max(runs) for side, runs in _health(details, "copied_run").items()}
    result["detectable"] = _detectable(details)
    return result | _outcomes(details, bootstrap) | {"style": _style(details, bootstrap)}


def extract(figures: Row, curve: Sequence[Row]) -> Row:
    """Return metrics/evaluate.json: what is compared from run to run.

    `val_loss` is the trained adapter's loss on the validation examples: choose settings by it, and keep the held-out
    prompts for the result.

    Args:
        figures: The content of metrics/figures.json.
        curve: The rows of metrics/plots/train.tsv.
    """
    short = {key: _few(value) for key, value in figures.items() if key.startswith(SHORT)}
    losses = [row["loss"] for row in curve if row["split"] == "val"]
    reason = {"sandbox_reason": figures["sandbox_reason"]} if figures.get("sandbox_reason") else {}
    rest = {"leakage": {"longest_run": figures["leakage"]["longest_run"]}, "sandbox": figures["sandbox"]} | reason
    return short | rest | {"val_loss": _round(losses[-1]) if losses else None, "cost_usd": figures["cost_usd"]}


def _few(metric: Row | None) -> Row | None:
    few = ("base", "distilled", "teacher", "ci_low", "ci_high")
    return metric and {key: metric[key] for key in few if key in metric}


def _heldout(details: Sequence[Row]) -> Row:
    """Return the number of prompts and of scored answers' tokens; where some were not, how many were judged or scored.

    `judged` is the number of prompts whose answers were run against a check, `unscored` that of each reason.
    """
    tokens = sum(row["likelihood"]["base"]["tokens"] for row in details if row["likelihood"])
    unscored = Counter(row["unscored"] for row in details if not row["likelihood"])
    judged = sum(bool(row["outcomes"]) for row in details)
    found = {"prompts": len(details), "answer_tokens": tokens} | ({"judged": judged} if judged < len(details) else {})
    return found | ({"unscored": dict(sorted(unscored.items()))} if unscored else {})


def _likelihood(details: Sequence[Row], bootstrap: Bootstrap) -> Row:
    """Return the figures about the teacher's answers; null where fewer than two were scored."""
    scored = [row["likelihood"] for row in details if row["likelihood"]]
    if len(scored) < 2:
        return {"nll": None, "perplexity": None, "token_accuracy": None}
    tokens = [scores["base"]["tokens"] for scores in scored]
    nll, accuracy = _a_token(scored, "nll"), _a_token(scored, "correct")
    return {
        "nll": _metric(nll, bootstrap, False, tokens),
        "perplexity": _metric(nll, bootstrap, False, tokens, np.exp),
        "token_accuracy": _metric(accuracy, bootstrap, True, tokens),
    }


def _detectable(details: Sequence[Row]) -> Row:
    """Return the smallest true changes in loss and pass@1 that these prompts can show, and what 5 points take.

    Null where it is not known: fewer than two prompts were scored or run, or all changed alike (in pass@1: none did).
    """
    scored = [row["likelihood"] for row in details if row["likelihood"]]
    judged = [row for row in details if row["outcomes"]]
    found: Row = {"nll": None, "pass_at_1": None}
    if len(scored) > 1:
        losses, tokens = _a_token(scored, "nll"), [scores["base"]["tokens"] for scores in scored]
        if smallest := smallest_detectable(losses["base"], losses["distilled"], tokens):
            found["nll"] = {"smallest": _round(smallest)}
    if len(judged) > 1:
        passed = _each(judged, lambda row, side: _passed(row, side)[0])
        if smallest := smallest_detectable(passed["base"], passed["distilled"]):
            needed = prompts_needed(len(judged), smallest, POINTS)
            found["pass_at_1"] = {"smallest": _round(smallest), "prompts_for_5_points": needed}
    return found


def _a_token(scored: Sequence[Row], name: str) -> Values:
    """Return each prompt's mean over its answer tokens; the bootstrap weighs it by their number."""
    return {side: [scores[side][name] / scores[side]["tokens"] for scores in scored] for side in MODELS[:2]}


def _answers(details: Sequence[Row], name: str) -> Values:
    return _each(details, lambda row, side: float(row["answers"][side][0][name]))


def _health(details: Sequence[Row], name: str) -> Values:
    return _each(details, lambda row, side: row["health"][side][name])


def _each(details: Sequence[Row], value: Callable[[Row, str], float]) -> Values:
    return {side: [value(row, side) for row in details] for side in MODELS}


def _style_distances(details: Sequence[Row], features: Features) -> Values:
    profiles = {side: [row["style"][side] for row in details] for side in MODELS}
    return {side: list(distance(profiles[side], profiles["teacher"], features).per_prompt) for side in MODELS[:2]}


def _passes(details: Sequence[Row], bootstrap: Bootstrap, pass_k: int) -> Row:
    """Return pass@1 of the greedy answers, their share that also runs as written, and pass@k of the sampled ones.

    Null where nothing was judged, and the second where no check is a pytest file.
    """
    judged = [row for row in details if row["outcomes"]]
    if len(judged) < 2:
        return {"pass_at_1": None, "runs_as_written": None}
    result: Row = {"pass_at_1": _metric(_each(judged, lambda row, side: _passed(row, side)[0]), bootstrap, True)}
    whole = _each(_loaded(judged), lambda row, side: float(_as_written(row, side) == "pass"))
    result["runs_as_written"] = _metric(whole, bootstrap, True) if len(whole["base"]) > 1 else None
    samples = len(_passed(judged[0], "base")) - 1
    if samples:
        values = {
            side: [pass_at_k(samples, sum(_passed(row, side)[1:]), pass_k) for row in judged] for side in MODELS[:2]
        }
        result[f"pass_at_{pass_k}"] = _metric(values, bootstrap, True)
    return result


def _passed(row: Row, side: str) -> list[bool]:
    return [found["outcome"] == "pass" for found in row["outcomes"][side]]


def _loaded(judged: Sequence[Row]) -> list[Row]:
    """Return the rows whose answers are loaded as code, by a pytest file."""
    return [row for row in judged if row["outcomes"]["base"][0]["as_written"]]


def _as_written(row: Row, side: str) -> str:
    return str(row["outcomes"][side][0]["as_written"]["outcome"])


def _style(details: Sequence[Row], bootstrap: Bootstrap) -> Row:
    """Return each feature of the style profile; which way is better, only the distance to the teacher says."""
    return {name: _feature(details, name, bootstrap) for name in details[0]["style"]["teacher"]}


def _feature(details: Sequence[Row], name: str, bootstrap: Bootstrap) -> Row:
    metric = _metric(_each(details, lambda row, side: float(row["style"][side][name])), bootstrap, True)
    return {key: value for key, value in metric.items() if key != "verdict"}


def _outcomes(details: Sequence[Row], bootstrap: Bootstrap) -> Row:
    """Return the share of greedy answers that pass by group, and how often each outcome was seen.

    A single prompt of a group has no interval.
    """
    judged = [row for row in details if row["outcomes"]]
    if not judged:
        return {"pass_by_difficulty": None, "outcomes": None, "outcomes_as_written": None}
    groups: dict[str, list[Row]] = {}
    for row in judged:
        groups.setdefault(label(row), []).append(row)
    passed = {name: _each(rows, lambda row, side: float(_passed(row, side)[0])) for name, rows in groups.items()}
    shares = {name: _share(values, bootstrap) for name, values in passed.items()}
    return {
        "pass_by_difficulty": shares,
        "outcomes": _counts(judged, lambda row, side: row["outcomes"][side][0]["outcome"]),
        "outcomes_as_written": _counts(loaded, _as_written) if (loaded := _loaded(judged)) else None,
    }


def _counts(judged: Sequence[Row], outcome: Callable[[Row, str], str]) -> Row:
    return {side: dict(sorted(Counter(outcome(row, side) for row in judged).items())) for side in MODELS}


def _share(values: Values, bootstrap: Bootstrap) -> Row:
    if len(values["base"]) > 1:
        return _metric(values, bootstrap, True)
    return {side: _round(each[0]) for side, each in values.items()}


def _metric(
    values: Values,
    bootstrap: Bootstrap,
    higher_is_better: bool,
    weights: Sequence[float] | None = None,
    transform: Callable[[Any], Any] = lambda mean: mean,
) -> Row:
    interval = paired_bootstrap(
        values["base"], values["distilled"], weights,
        resamples=bootstrap.resamples, seed=bootstrap.seed, transform=transform,
    )  # fmt: skip
    means = {side: _round(float(transform(np.average(each, weights=weights)))) for side, each in values.items()}
    return means | _bounds(interval) | {"verdict": verdict(interval, higher_is_better)}


def _bounds(interval: Interval) -> Row:
    return {
        "difference": _round(interval.difference),
        "ci_low": _round(interval.low),
        "ci_high": _round(interval.high),
    }


def _lengths(metric: Row) -> Row:
    words = {"better": "longer", "worse": "shorter"}
    return metric | {"verdict": words.get(metric["verdict"], metric["verdict"])}


def _round(value: float) -> float:
    return round(value, DIGITS) + 0.0  # minus zero becomes zero
