"""The headline in words and as a table: verdicts and figures by hand."""

import io
from typing import Any

import pytest
from rich.console import Console

from distill.evaluate.report import wording
from evaluation_rows import headline, metric


def shown(value: dict[str, Any], width: int = 80) -> str:
    """What the terminal gets."""
    console = Console(file=io.StringIO(), width=width)
    wording.show(value, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_figures_are_formatted_by_kind() -> None:
    found = {item.key: item for item in wording.metrics(headline())}
    loss, accuracy, lengths = found["nll"], found["token_accuracy"], found["answer_tokens"]
    assert (loss.base, loss.distilled, loss.teacher) == ("1.625", "1.150", "")
    assert (loss.difference, loss.interval, loss.verdict) == ("−0.475", "−0.800 to −0.100", "better")
    assert (accuracy.base, accuracy.difference, accuracy.interval) == ("70.0%", "+5.0 pts", "+1.0 to +9.0 pts")
    assert (lengths.distilled, lengths.verdict, lengths.better) == ("320", "longer", "")
    assert found["longest_copied_run"].distilled == "12"
    assert found["longest_copied_run"].interval == ""


def test_metrics_come_in_a_fixed_order_and_counts_are_none() -> None:
    value = headline()
    keys = [item.key for item in wording.metrics(dict(reversed(value.items())))]
    first, second = (
        "nll perplexity token_accuracy pass_at_1",
        "runs_as_written style_distance ended longest_copied_run answer_tokens",
    )
    assert keys == f"{first} {second}".split()


def test_pass_at_k_and_unknown_metrics_are_shown() -> None:
    value = headline() | {
        "pass_at_5": metric(0.5, 0.75, 0.1, 0.4, "better"),
        "new_thing": metric(1, 2, 0.5, 1.5, "better"),
    }
    found = {item.key: item for item in wording.metrics(value)}
    assert found["pass_at_5"].label == "Pass@5"
    assert "with 5 attempts" in found["pass_at_5"].meaning
    assert found["pass_at_1"].meaning.endswith("with 1 attempt")
    assert found["new_thing"].label == "New thing"


@pytest.mark.parametrize(
    ("verdicts", "title"),
    [
        (("better", "better", "better"),
         "The distilled student predicts the teacher’s answers better, writes closer to the teacher’s style "
         "and solves more tasks"),
        (("better", "no difference found", "no difference found"),
         "The distilled student predicts the teacher’s answers better; "
         "no difference found in how many tasks it solves"),
        (("better", "better", "worse"),
         "The distilled student predicts the teacher’s answers better and writes closer to the teacher’s style, "
         "but solves fewer tasks"),
        (("worse", "no difference found", None), "The distilled student predicts the teacher’s answers worse"),
        (("no difference found",) * 3, "No difference found between the distilled student and its base"),
    ],
)  # fmt: skip
def test_title_says_what_the_verdicts_say(verdicts: tuple[str | None, ...], title: str) -> None:
    keys = ("nll", "style_distance", "pass_at_1")
    value = {key: metric(1, 2, -1, 1, found) if found else None for key, found in zip(keys, verdicts, strict=True)}
    assert wording.title(value) == title


def test_findings_say_how_sure() -> None:
    texts = {finding.question: finding.text for finding in wording.findings(headline())}
    assert texts["Perplexity of the teacher’s answers"] == (
        "The change is −1.92, and with 95% confidence between −3.10 and −0.40."
    )
    assert texts["Tasks solved at the first attempt"] == (
        "No difference found: a change of +0.0 pts can be chance (95% interval −50.0 to +50.0 pts)."
    )


@pytest.mark.parametrize("missing", [None, {"base": None, "distilled": None}])
def test_what_was_not_measured_is_said_with_the_reason(missing: object) -> None:
    value = headline() | {"pass_at_1": missing, "sandbox": None, "sandbox_reason": "no bubblewrap here"}
    assert wording.findings(value)[-1].text == "Not measured: no bubblewrap here."
    assert "pass_at_1" not in {item.key for item in wording.metrics(value)}
    assert "tasks" not in wording.title(value)
    assert "Tasks solved at the first attempt: not measured: no bubblewrap here." in " ".join(shown(value).split())


def test_terminal_table_fits_80_columns() -> None:
    lines = shown(headline()).splitlines()
    assert max(map(len, lines)) <= 80
    perplexity = next(line for line in lines if "Perplexity" in line)
    assert perplexity.split() == ["Perplexity", "5.08", "3.16", "−3.10", "to", "−0.40", "better"]
    assert "no difference found" in shown(headline(), 100)


def test_terminal_shows_markup_as_text() -> None:
    value = headline() | {"pass_at_1": None, "sandbox_reason": "[red]x[/red]"}
    assert "[red]x[/red]" in shown(value)


@pytest.mark.parametrize(
    ("dollars", "words", "counted"),
    [
        (0.0, "nothing (answers from files)", "nothing (152 answers from files)"),
        (1.613, "$1.61", "$1.61 (152 answers)"),
        (1234.5, "$1,234.50", "$1,234.50 (152 answers)"),
    ],
)
def test_cost_in_words(dollars: float, words: str, counted: str) -> None:
    assert wording.cost({"cost_usd": dollars}, {}) == words
    assert wording.cost({}, {"cost_usd": dollars}) == words
    assert wording.cost({"cost_usd": dollars}, {"answers": 152}) == counted
    assert wording.cost({}, {}) == ""


def test_answers_that_were_not_scored_are_said() -> None:
    assert wording.unscored(headline()) == ""
    value = headline() | {"heldout": {"prompts": 4, "answer_tokens": 20, "unscored": {"max_tokens": 2, "unfit": 1}}}
    sentence = "Loss, perplexity and token accuracy leave out 3 of the teacher’s 4 answers (max_tokens 2, unfit 1)."
    assert wording.unscored(value) == sentence
    assert " ".join(shown(value).split()).endswith(sentence)
    value |= {"nll": None, "perplexity": None, "token_accuracy": None}
    assert "Perplexity" not in shown(value)
    assert (
        wording.title(value) == "The distilled student writes closer to the teacher’s style; no difference found in "
        "how many tasks it solves"
    )


def test_what_these_prompts_can_show_is_a_sentence() -> None:
    passed, nll = {"smallest": 0.1321, "prompts_for_5_points": 1335}, {"smallest": 0.0134}
    value = headline() | {"detectable": {"pass_at_1": passed, "nll": nll}}
    sentence = (
        "With these 4 prompts, a true change in pass@1 of 13.2 points and in loss of 0.013 is found four times out of "
        "five; a change of 5 points in pass@1 takes 1,335 prompts."
    )
    assert wording.detectable(value) == sentence
    assert sentence in " ".join(shown(value).split())
    value["detectable"] = {"pass_at_1": None, "nll": nll}
    assert wording.detectable(value) == (
        "With these 4 prompts, a true change in loss of 0.013 is found four times out of five."
    )
    value["detectable"] = {"pass_at_1": None, "nll": None}
    assert wording.detectable(value) == "" == wording.detectable(headline())


def test_of_how_many_prompts_pass_at_1_is_is_said_where_it_is_not_of_all() -> None:
    sentence = "Pass@1 and runs as written are about the 3 of 4 prompts that were checked."
    assert wording.unjudged(headline() | {"heldout": {"prompts": 4, "judged": 3}}) == sentence
    assert sentence in " ".join(shown(headline() | {"heldout": {"prompts": 4, "judged": 3}}).split())
    assert wording.unjudged(headline()) == "" == wording.unjudged(headline() | {"heldout": {"prompts": 4, "judged": 0}})


def test_one_prompt_that_was_checked_is_no_figure_and_that_is_said() -> None:
    value = headline() | {"pass_at_1": None, "heldout": {"prompts": 4, "judged": 1}}
    assert wording.unjudged(value) == ""
    assert wording.findings(value)[-1].text == (
        "Not measured: only one held-out prompt was checked, and two are the least that can be compared."
    )
