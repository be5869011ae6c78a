"""The tables that `dvc plots` draws: values by hand."""

from pathlib import Path

from distill.common.jsonl import Row
from distill.evaluate.report import tables
from distill.sandbox import run_checks
from evaluation_rows import FEATURES, rows


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


def test_code_that_was_not_run_is_an_outcome() -> None:
    details = [row | {"outcomes": None} for row in rows()[:2]]
    found = [row for row in table(tables.outcomes(details)) if row["prompts"] != "0"]
    assert [(row["model"], row["outcome"], row["prompts"]) for row in found] == [
        (model, "not run", "2") for model in ("base", "distilled", "teacher")
    ]


def test_files_are_written(tmp_path: Path) -> None:
    tables.write(tmp_path, rows(), FEATURES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["likelihood.tsv", "outcomes.tsv", "style.tsv"]
    assert (tmp_path / "style.tsv").read_text() == tables.style(rows(), FEATURES)


def test_every_outcome_has_a_label() -> None:
    assert tables.OUTCOMES.keys() == {*run_checks.OUTCOMES, "not_run"}
