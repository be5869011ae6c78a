"""metrics/report.html: what the evaluation found, as one file to look at, without a network.

In: the rows of metrics/evaluation.jsonl, the content of metrics/figures.json and collect.json, and the training curve.
Out: the page. Equal inputs give equal bytes: no times, no random ids.

Nothing a model wrote can run in it: every text is escaped, and the page's security policy lets one script run, the
page's own, by its hash.
"""

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from distill.common.jsonl import Row
from distill.evaluate.report import charts, wording
from distill.evaluate.report.answer_html import answer_html, visible
from distill.evaluate.report.rows import MODELS, by_group, grouping, label, loss, mean_style
from distill.evaluate.report.tables import OUTCOMES
from distill.evaluate.style.features import Features

NAMES = {"base": "Base student", "distilled": "Distilled student", "teacher": "Teacher"}


def render(details: Sequence[Row], headline: Row, train_curve: Sequence[Row], collect: Row, features: Features) -> str:
    """Return the page.

    Args:
        details: The rows of metrics/evaluation.jsonl, in their order.
        headline: The content of metrics/figures.json.
        train_curve: Rows with update, split (train or val) and loss; may be empty.
        collect: The content of metrics/collect.json; used for the cost if `headline` has none.
        features: Those of the style profile, as they are shown.
    """
    style, script = asset("report.css"), asset("report.js")
    html = (
        environment(PackageLoader("distill.evaluate.report"))
        .get_template("report.html.j2")
        .render(
            title=wording.title(headline),
            findings=wording.findings(headline),
            metrics=wording.metrics(headline),
            unscored=wording.unscored(headline),
            unjudged=wording.unjudged(headline),
            detectable=wording.detectable(headline),
            leakage=headline.get("leakage"),
            sandbox=headline.get("sandbox"),
            not_run=headline.get("sandbox_reason"),
            refused=[found for row in details for found in _refused(row)],
            cost=wording.cost(headline, collect),
            charts=_charts(details, train_curve, features),
            amounts=mean_style(details, features, amounts=True),
            prompts=[_prompt(row) for row in details],
            groups=list(by_group(details)),
            grouping=grouping(details),
            judged=any(row["outcomes"] for row in details),
            style=Markup(style),  # noqa: S704 (a file of this package)
            script=Markup(script),  # noqa: S704 (a file of this package)
            policy=policy(style, script),
        )
    )
    # A lone surrogate cannot be written as UTF-8; answers and prompts have none left, other texts might.
    return html.encode("utf-8", "replace").decode("utf-8")


def environment(loader: BaseLoader) -> Environment:
    """Return the templates' environment, in which every text is escaped."""
    result = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    result.globals.update(mark=charts.mark, interval=charts.interval, names=NAMES, models=MODELS)
    return result


def asset(name: str) -> str:
    """Return a file of templates/."""
    return resources.files("distill.evaluate.report").joinpath("templates", name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """Return a content security policy that lets this style and this script work, and nothing else."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _charts(details: Sequence[Row], train_curve: Sequence[Row], features: Features) -> dict[str, Markup]:
    pairs = [
        charts.Dumbbell(row["id"], f"#{anchor(row)}", *(loss(row["likelihood"][model]) for model in MODELS[:2]))
        for row in details
        if row.get("likelihood")
    ]
    return {
        "likelihood": charts.likelihood(pairs),
        "style": charts.profile(mean_style(details, features, amounts=False)),
        "solved": charts.bars(_by_group(details), f"Share of prompts solved, by {grouping(details)}"),
        "loss": charts.loss(train_curve),
    }


def _by_group(details: Sequence[Row]) -> list[tuple[str, list[tuple[str, float, str]]]]:
    return [
        (f"{_title(name)} ({len(rows)} prompt{'' if len(rows) == 1 else 's'})", [_bar(rows, model) for model in MODELS])
        for name, rows in by_group(row for row in details if row["outcomes"]).items()
    ]


def _title(group: str) -> str:
    return group.replace("-", " ").capitalize()


def _bar(rows: Sequence[Row], model: str) -> tuple[str, float, str]:
    judged = [row for row in rows if row["outcomes"].get(model)]
    passed = sum(_passed(row, model) for row in judged)
    return model, passed / max(1, len(judged)), f"{passed}/{len(judged)} {model}"


def _prompt(row: Row) -> Row:
    """Return what the page shows of a held-out prompt."""
    answers = {model: _answer(row, model) for model in MODELS if row["answers"].get(model)}
    return {
        "anchor": anchor(row),
        "id": visible(row["id"]),
        "name": visible(row["id"]).replace("-", " "),
        "group": label(row),
        "prompt": answer_html(row["prompt"]),
        "answers": answers,
        "outcome": _filter_words(row),
        "losses": [loss(row["likelihood"][model]) for model in MODELS[:2]] if row.get("likelihood") else None,
    }


def anchor(row: Row) -> str:
    """Return the id of a prompt's card."""
    return "prompt-" + "".join(character if character.isalnum() else "-" for character in row["id"])


def _answer(row: Row, model: str) -> Row:
    """Return a model's answer, the one the figures are about, and the further samples if there are any."""
    samples = row["answers"][model]
    verdicts = (row["outcomes"] or {}).get(model) or [None] * len(samples)
    first, *more = [shown(sample, verdict) for sample, verdict in zip(samples, verdicts, strict=True)]
    return {
        "first": first,
        "more": more,
        "more_passed": sum(sample["outcome"] == "pass" for sample in more) if verdicts[0] else None,
        "repetition": ((row.get("health") or {}).get(model) or {}).get("repetition", 0),
    }


def shown(sample: Row, verdict: Row | None) -> Row:
    """Return what the page shows of one answer."""
    outcome = verdict["outcome"] if verdict else ""
    return {
        "html": answer_html(sample["text"]),
        "empty": not sample["text"].strip(),
        "tokens": sample["tokens"],
        "ended": sample["ended"],
        "outcome": outcome,
        "label": OUTCOMES.get(outcome, visible(outcome)),
        "detail": visible(verdict.get("detail") or "")[:600] if verdict else "",
        "as_written": _as_written(verdict),
    }


def _as_written(verdict: Row | None) -> str:
    """Return what became of all the answer's code, loaded whole, where that is another thing."""
    whole = (verdict or {}).get("as_written") or verdict or {}
    if whole.get("outcome") == (verdict or {}).get("outcome"):
        return ""
    detail = whole.get("detail") or ""
    label = OUTCOMES.get(whole["outcome"], whole["outcome"])
    return visible(f"{label}: {detail}" if detail else label)[:600]


def _refused(row: Row) -> list[Row]:
    """Return the answers to a prompt whose code was not run because it reaches for what runs it."""
    return [
        {"id": visible(row["id"]), "anchor": anchor(row), "model": model, "what": visible(verdict["detail"])}
        for model, verdicts in (row["outcomes"] or {}).items()
        for verdict in verdicts
        if verdict["outcome"] == "refused"
    ]


def _filter_words(row: Row) -> str:
    """Return the words that the page's filter looks for: how the distilled student did, and what changed."""
    if not row["outcomes"]:
        return ""
    base, distilled = (_passed(row, model) for model in MODELS[:2])
    words = ["passed" if distilled else "failed"]
    if base != distilled:
        words += ["changed", "gained" if distilled else "lost"]
    return " ".join(words)


def _passed(row: Row, model: str) -> bool:
    """Whether the first answer passes; further samples are for pass@k alone."""
    return bool(row["outcomes"][model][0]["outcome"] == "pass")
