"""The tables that `dvc plots` draws: values by hand."""

import json
from pathlib import Path

from distill.common.jsonl import Row
from distill.evaluate.report import tables
from distill.sandbox import run_checks
from evaluation_rows import FEATURES, row, rows
from repository import ROOT


def table(text: str) -> list[Row]:
    header, *lines = (line.split("\t") for line in text.splitlines())
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_likelihood_is_ranked_by_the_base() -> None:
    found = table(tables.likelihood(rows()))
    assert len(found) == 8
    assert found[0] == {"prompt": "is-prime", "rank": "1", "model": "base", "difficulty": "easy", "loss": "1.2000"}
    assert found[1] == {"prompt": "is-prime", "rank": "1", "model": "distilled", "difficulty": "easy", "loss": "0.9000"}
    assert [row["prompt"] for row in found[::2]] == ["is-prime", "word-break", "matrix-multiply", "clamp"]


def test_an_answer_that_was_not_scored_is_not_drawn() -> None:
    details = rows()
    details[0] |= {"likelihood": None, "unscored": "max_tokens"}
    assert [row["prompt"] for row in table(tables.likelihood(details))[::2]] == [
        "is-prime",
        "word-break",
        "matrix-multiply",
    ]


def test_style_has_the_mean_of_each_share() -> None:
    details = rows()
    details[0]["style"]["base"]["typed"] = 1.0
    assert table(tables.style(details, FEATURES)) == [
        {"feature": "Fully type-hinted functions", "model": "base", "share": "0.2500"},
        {"feature": "Fully type-hinted functions", "model": "distilled", "share": "1.0000"},
        {"feature": "Fully type-hinted functions", "model": "teacher", "share": "1.0000"},
    ]


def test_outcomes_are_shares_of_each_difficulty_from_easy_to_hard() -> None:
    found = table(tables.outcomes(rows()))
    assert list(dict.fromkeys(row["difficulty"] for row in found)) == ["easy", "medium", "hard"]
    easy = {
        row["outcome"]: (row["prompts"], row["share"])
        for row in found
        if (row["difficulty"], row["model"]) == ("easy", "base")
    }
    assert easy["pass"] == ("1", "0.5000")
    assert easy["wrong answer"] == ("1", "0.5000")
    assert easy["time-out"] == ("0", "0.0000")
    assert list(easy) == list(tables.OUTCOMES.values())


def test_outcomes_count_the_first_answer_alone() -> None:
    details = rows()[:1]
    details[0]["outcomes"]["base"].append({"outcome": "pass", "detail": ""})
    passed = next(row for row in table(tables.outcomes(details)) if row["outcome"] == "pass")
    assert passed == {"difficulty": "easy", "outcome": "pass", "model": "base", "prompts": "0", "share": "0.0000"}


def test_an_answer_without_a_check_was_not_run_and_where_none_was_nothing_is_drawn() -> None:
    details = rows()[:2]
    details[0]["outcomes"] = None
    found = [row for row in table(tables.outcomes(details)) if row["prompts"] != "0"]
    assert [(row["model"], row["outcome"], row["share"]) for row in found] == [
        (model, outcome, "0.5000") for model in ("base", "distilled", "teacher") for outcome in ("pass", "not run")
    ]
    details[1]["outcomes"] = None
    assert table(tables.outcomes(details)) == []
    assert tables.outcomes(details).startswith("difficulty\toutcome\t")


def test_files_are_written(tmp_path: Path) -> None:
    tables.write(tmp_path, rows(), FEATURES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["likelihood.tsv", "outcomes.tsv", "style.tsv"]
    assert (tmp_path / "style.tsv").read_text() == tables.style(rows(), FEATURES)


def test_groups_without_a_difficulty_are_drawn_in_the_order_of_the_prompts() -> None:
    found = table(tables.outcomes([row("a", "window-functions"), row("b", "joins"), row("c", "window-functions")]))
    assert list(dict.fromkeys(row["difficulty"] for row in found)) == ["window-functions", "joins"]


def test_every_outcome_has_a_colour_in_the_plot() -> None:
    colour = json.loads((ROOT / ".dvc/plots/outcomes.json").read_text())["spec"]["encoding"]["color"]["scale"]
    assert colour["domain"] == list(tables.OUTCOMES.values())
    assert len(set(colour["range"])) == len(colour["domain"])


def test_every_outcome_has_a_label() -> None:
    assert tables.OUTCOMES.keys() == {*run_checks.OUTCOMES, "not_run"}
