"""metrics/compare.html: two runs side by side, in the report's style and under its policy: one file, no network.

In: the pairs of rows, their figures, and the differences between the runs. Out: the page. It only shows what was
computed elsewhere, and nothing a model wrote can run in it (see `distill.evaluate.report.page`).
"""

from collections.abc import Sequence
from importlib import resources

from jinja2 import ChoiceLoader, PackageLoader
from markupsafe import Markup

from distill.common.jsonl import Row
from distill.comparison.marked import marked
from distill.comparison.pairs import flips, passed
from distill.evaluate.report import page, wording
from distill.evaluate.report.answer_html import answer_html, visible
from distill.evaluate.report.rows import MODELS, by_group, grouping, label, loss

SIDES = {"base": "A", "distilled": "B", "teacher": "teacher"}


def render(rows: Sequence[Row], figures: Row, names: Sequence[str], title: str, notes: Sequence[str]) -> str:
    """Return the page.

    Args:
        rows: The common prompts' rows, of A as base and B as distilled.
        figures: What the report's `headline` computes from them.
        names: The names of A and B.
        title: The finding, in one sentence.
        notes: What was compared, and how the runs differ.
    """
    own = resources.files("distill.comparison").joinpath("templates", "compare.css").read_text(encoding="utf-8")
    style, script = page.asset("report.css") + own, page.asset("report.js")
    loaders = ChoiceLoader([PackageLoader("distill.comparison"), PackageLoader("distill.evaluate.report")])
    gained, lost = flips(rows)
    links = [(label, [(visible(id_), page.anchor({"id": id_})) for id_ in ids])
             for label, ids in (("Now pass", gained), ("No longer pass", lost))]  # fmt: skip
    html = page.environment(loaders).get_template("compare.html.j2").render(
        title=title,
        sides=SIDES,
        labels=[f"{side} · {visible(name)}" for side, name in zip("AB", names, strict=True)],
        notes=[visible(note) for note in notes],
        findings=wording.findings(figures),
        metrics=wording.metrics(figures),
        unscored=wording.unscored(figures),
        unjudged=wording.unjudged(figures),
        detectable=wording.detectable(figures),
        flips=links,
        prompts=[_prompt(row) for row in rows],
        groups=list(by_group(rows)),
        grouping=grouping(rows),
        judged=any(row["outcomes"] for row in rows),
        style=Markup(style),  # noqa: S704 (files of these packages)
        script=Markup(script),  # noqa: S704 (a file of the report's package)
        policy=page.policy(style, script),
    )  # fmt: skip
    return html.encode("utf-8", "replace").decode("utf-8")


def _prompt(row: Row) -> Row:
    """Return what the page shows of a prompt: both greedy answers, marked."""
    first = {side: row["answers"][side][0] for side in MODELS[:2]}
    html = dict(zip(first, marked(*(answer["text"] for answer in first.values())), strict=True))
    verdicts = {side: row["outcomes"][side][0] if row["outcomes"] else None for side in first}
    return {
        "anchor": page.anchor(row),
        "name": visible(row["id"]).replace("-", " "),
        "group": label(row),
        "prompt": answer_html(row["prompt"]),
        "answers": {side: page.shown(first[side], verdicts[side]) | {"html": html[side]} for side in first},
        "repetition": {side: row["health"][side]["repetition"] for side in first},
        "same": first["base"]["text"] == first["distilled"]["text"],
        "outcome": _filter_words(row),
        "losses": [loss(row["likelihood"][side]) for side in first] if row["likelihood"] else None,
    }


def _filter_words(row: Row) -> str:
    """Return the words that the page's filter looks for, the same as in the report."""
    if not row["outcomes"]:
        return ""
    a, b = (passed(row, side) for side in MODELS[:2])
    return " ".join(["passed" if b else "failed"] + (["changed", "gained" if b else "lost"] if a != b else []))
