"""The headline in words and as a table: what metrics/figures.json says, for a person.

In: the content of metrics/figures.json. Out: the metrics that were measured (with labels and formatted figures),
findings in plain language, and the table that the stage prints at its end. Verdicts and intervals are taken from
figures.json as they are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from distill.common.jsonl import Row
from distill.evaluate.report.rows import MODELS

BETTER, WORSE, NONE = "better", "worse", "no difference found"
COLOURS = {BETTER: "green", WORSE: "red"}


@dataclass(frozen=True)
class Kind:
    """How a metric is spoken of. `unit` is 'share' (shown in percent), or what stands behind a number."""

    key: str
    label: str
    meaning: str
    better: str
    digits: int = 2
    unit: str = ""


@dataclass(frozen=True)
class Metric:
    """A metric of the headline: the formatted figures, '' where there is none, and the numbers behind them."""

    key: str
    label: str
    meaning: str
    better: str
    base: str
    distilled: str
    teacher: str
    difference: str
    interval: str
    verdict: str
    numbers: Row


@dataclass(frozen=True)
class Finding:
    """An answer to one question, in words; the metric is None where it was not measured."""

    question: str
    metric: Metric | None
    text: str


KINDS = (
    Kind("nll", "Loss", "mean negative log-likelihood of the teacher’s answers, nats a token", "lower", 3),
    Kind("perplexity", "Perplexity", "of the teacher’s answers; e to the power of the loss", "lower"),
    Kind("token_accuracy", "Token accuracy", "share of the teacher’s tokens guessed first", "higher", 1, "share"),
    Kind("pass_at_", "Pass@{}", "share of tasks whose checks all pass, with {} attempt{}", "higher", 1, "share"),
    Kind("runs_as_written", "Runs as written", "the same, with all of an answer’s code loaded", "higher", 1, "share"),
    Kind("style_distance", "Style distance", "how far the style is from the teacher’s; 0 is the same", "lower", 3),
    Kind("ended", "Finished", "share of answers that did not run into the length limit", "higher", 1, "share"),
    Kind("empty", "Empty answers", "share of answers without any text", "lower", 1, "share"),
    Kind("repetition", "Repetition", "share of 4-word runs that stood in the answer before", "lower", 1, "share"),
    Kind("copied_run", "Copied run", "longest run of words shared with a training answer, mean", "", 1),
    Kind("longest_copied_run", "Longest copy", "the same, over all answers", "", 0),
    Kind("answer_tokens", "Answer length", "mean tokens an answer", "", 0),
)  # fmt: skip


def metrics(headline: Row) -> list[Metric]:
    """Return the metrics of `headline` that were measured, in the order of KINDS; others it holds come last."""
    found = [
        (rank, _metric(kind, key, value))
        for key, value in headline.items()
        if _measured(value)
        for rank, kind in [_kind(key)]
    ]
    return [metric for _, metric in sorted(found, key=lambda pair: pair[0])]


def title(headline: Row) -> str:
    """Return one sentence on what improved and what did not, on the three questions that matter most."""
    return claims(headline, "The distilled student") or NOTHING


def claims(headline: Row, who: str) -> str:
    """Return what `who`, the side called distilled, does better and worse than the other; '' if nothing was found."""
    found = {metric.key: metric.verdict for metric in metrics(headline)}
    better = [does for key, does, _ in CLAIMS if found.get(key) == BETTER]
    worse = [does for key, _, does in CLAIMS if found.get(key) == WORSE]
    if not better and not worse:
        return ""
    parts = [_join(better)] if better else []
    parts += [f"{'but ' if better else ''}{_join(worse)}"] if worse else []
    none = f"; no difference found in {UNSURE}" if found.get("pass_at_1") == NONE else ""
    return f"{who} {', '.join(parts)}{none}"


def findings(headline: Row) -> list[Finding]:
    """Return what was found of likelihood, function and style: from what to what, and how sure that is."""
    found = {metric.key: metric for metric in metrics(headline)}
    result = [Finding(about, found[key], _how_sure(found[key])) for key, about in ABOUT if key in found]
    if "pass_at_1" not in found:
        one = (headline.get("heldout") or {}).get("judged") == 1
        reason = headline.get("sandbox_reason") or (ONE if one else "no checks were run")
        result.append(Finding(dict(ABOUT)["pass_at_1"], None, f"Not measured: {reason}."))
    return result


def unscored(headline: Row) -> str:
    """Return how many of the teacher's answers have no likelihood, and why, as a sentence; '' where all have one."""
    heldout = headline.get("heldout") or {}
    reasons = heldout.get("unscored")
    if not reasons:
        return ""
    why = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    left_out = f"{sum(reasons.values())} of the teacher’s {heldout['prompts']} answers ({why})"
    return f"Loss, perplexity and token accuracy leave out {left_out}."


def unjudged(headline: Row) -> str:
    """Return of how many prompts pass@1 is, as a sentence; '' where it is of all, or of none."""
    heldout = headline.get("heldout") or {}
    judged = heldout.get("judged", 0)
    if judged < 2:
        return ""
    which = "Pass@1 and runs as written are" if _measured(headline.get("runs_as_written")) else "Pass@1 is"
    return f"{which} about the {judged} of {heldout['prompts']} prompts that were checked."


def detectable(headline: Row) -> str:
    """Return as a sentence how small a true change these prompts can show; '' where that is not known."""
    found = headline.get("detectable") or {}
    passed, nll = found.get("pass_at_1"), found.get("nll")
    changes = [f"in pass@1 of {100 * passed['smallest']:.1f} points"] if passed else []
    changes += [f"in loss of {nll['smallest']:.3f}"] if nll else []
    if not changes:
        return ""
    prompts = headline["heldout"]["prompts"]
    more = f"; a change of 5 points in pass@1 takes {passed['prompts_for_5_points']:,} prompts" if passed else ""
    return f"With these {prompts} prompts, a true change {_join(changes)} is found four times out of five{more}."


def cost(headline: Row, collect: Row) -> str:
    """Return what the teacher’s answers cost, and how many they are, in words."""
    dollars, answers = headline.get("cost_usd", collect.get("cost_usd")), collect.get("answers")
    if dollars is None:
        return ""
    if dollars == 0:
        return f"nothing ({answers} answers from files)" if answers else "nothing (answers from files)"
    return f"${dollars:,.2f}" + (f" ({answers} answers)" if answers else "")


def table(headline: Row, sides: Sequence[str] = MODELS) -> Table:
    """Return the headline numbers as a table for the terminal, which fits into 80 columns; `sides` head its columns."""
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    result.add_column("metric", no_wrap=True)
    for name in (*sides, "95% interval"):
        result.add_column(name, justify="right", no_wrap=True)
    result.add_column("verdict")
    for metric in metrics(headline):
        verdict = Text(metric.verdict, style=COLOURS.get(metric.verdict, "dim"))
        result.add_row(metric.label, metric.base, metric.distilled, metric.teacher, metric.interval, verdict)
    return result


def show(headline: Row, console: Console | None = None) -> None:
    """Print the headline in words, the numbers, and why some are missing."""
    console = console or Console()
    console.print(Text(title(headline), style="bold"))
    console.print(table(headline))
    for finding in findings(headline):
        if finding.metric is None:
            console.print(Text(f"{finding.question}: {finding.text[0].lower()}{finding.text[1:]}"))
    for sentence in filter(None, (unjudged(headline), unscored(headline), detectable(headline))):
        console.print(Text(sentence))


NOTHING = "No difference found between the distilled student and its base"
CLAIMS = (
    ("nll", "predicts the teacher’s answers better", "predicts the teacher’s answers worse"),
    ("style_distance", "writes closer to the teacher’s style", "writes further from the teacher’s style"),
    ("pass_at_1", "solves more tasks", "solves fewer tasks"),
)
ONE = "only one held-out prompt was checked, and two are the least that can be compared"
UNSURE = "how many tasks it solves"
ABOUT = (
    ("perplexity", "Perplexity of the teacher’s answers"),
    ("pass_at_1", "Tasks solved at the first attempt"),
    ("style_distance", "Distance from the teacher’s style"),
)


def _how_sure(metric: Metric) -> str:
    if not metric.interval:
        return f"The change is {metric.difference or 'not known'}; how sure that is was not measured."
    if metric.verdict == NONE:
        return f"No difference found: a change of {metric.difference} can be chance (95% interval {metric.interval})."
    low, high = metric.interval.split(" to ")
    return f"The change is {metric.difference}, and with 95% confidence between {low} and {high}."


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _measured(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), int | float) for name in MODELS[:2])


def _kind(key: str) -> tuple[int, Kind]:
    """The kind of a metric and its rank; a metric that KINDS does not know is shown under its own name, last."""
    for rank, kind in enumerate(KINDS):
        if key == kind.key:
            return rank, kind
        if attempts := re.fullmatch(re.escape(kind.key) + r"(\d+)", key):
            k = attempts[1]
            texts = (kind.label.format(k), kind.meaning.format(k, "" if k == "1" else "s"))
            return rank, Kind(key, *texts, kind.better, kind.digits, kind.unit)
    return len(KINDS), Kind(key, key.replace("_", " ").capitalize(), "", "", 3)


def _metric(kind: Kind, key: str, value: Row) -> Metric:
    base, distilled, teacher = (_figure(value.get(name), kind) for name in MODELS)
    low, high = value.get("ci_low"), value.get("ci_high")
    interval = "" if low is None or high is None else _range(low, high, kind)
    difference = _figure(value.get("difference"), kind, True)
    texts = (base, distilled, teacher, difference, interval, value.get("verdict") or "")
    return Metric(key, kind.label, kind.meaning, kind.better, *texts, value)


def _range(low: float, high: float, kind: Kind) -> str:
    return f"{_figure(low, kind, True).removesuffix(' pts')} to {_figure(high, kind, True)}"


def _figure(value: float | None, kind: Kind, signed: bool = False) -> str:
    if value is None:
        return ""
    scale, unit = (100, "%") if kind.unit == "share" else (1, "")
    text = f"{value * scale:{'+' if signed else ''},.{kind.digits}f}"
    # A difference of percentages is in percentage points; a true minus sign is as wide as a plus.
    return text.replace("-", "−") + (" pts" if unit and signed else unit)
