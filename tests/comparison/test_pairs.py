"""pairs: two runs become one evaluation of the prompts that both have."""

from typing import Any

import pytest

from compared import run_a, run_b, run_c
from distill.common.errors import InputError
from distill.common.jsonl import Row
from distill.comparison.pairs import flips, pair
from distill.comparison.runs import Run
from distill.evaluate.report.figures import Bootstrap, headline
from distill.evaluate.style import text
from evaluation_rows import FEATURES

BOOTSTRAP = Bootstrap(resamples=1000, seed=1)


def run(rows: list[Row], name: str = "x") -> Run:
    return Run(name, {row["id"]: row for row in rows}, {}, [], {}, True)


def figures(a: list[Row], b: list[Row]) -> Any:
    return headline(pair(run(a), run(b), 2, "python").rows, BOOTSTRAP, 2, FEATURES)


def test_the_figures_are_of_b_minus_a() -> None:
    found = figures(run_a(), run_b())
    # (10 + 20 + 12 + 18) / 40 tokens, and 2 more a prompt.
    nll = found["nll"]
    assert (nll["base"], nll["distilled"], nll["ci_low"], nll["ci_high"]) == (1.5, 1.7, 0.2, 0.2)
    assert nll["verdict"] == "worse"
    assert (found["pass_at_1"]["base"], found["pass_at_1"]["distilled"]) == (0.5, 0.5)
    assert found["pass_at_1"]["verdict"] == "no difference found"
    assert found["style_distance"]["base"] == 0.0 < found["style_distance"]["distilled"]
    # Passes differ by -1, 0, 1, 0: variance 2/3, standard error √(1/6); 4 · 2.8016² / 6 / 0.05² = 2093.03.
    assert found["detectable"] == {"nll": None, "pass_at_1": {"smallest": 1.1437, "prompts_for_5_points": 2094}}


def test_a_run_is_no_different_from_itself() -> None:
    found = figures(run_a(), run_a())
    for key in ("nll", "token_accuracy", "pass_at_1", "runs_as_written", "style_distance", "ended", "answer_tokens"):
        assert (found[key]["difference"], found[key]["verdict"]) == (0.0, "no difference found")


def test_flips_are_told_both_ways() -> None:
    assert flips(pair(run(run_a()), run(run_b()), 2, "python").rows) == (["word-break"], ["clamp"])
    assert flips(pair(run(run_b()), run(run_a()), 2, "python").rows) == (["clamp"], ["word-break"])


def test_a_prompt_is_common_if_id_and_text_are_the_same() -> None:
    pairs = pair(run(run_a()), run(run_c()), 2, "python")
    assert [row["id"] for row in pairs.rows] == ["clamp", "word-break"]
    assert (pairs.a, pairs.b) == (4, 4)
    assert figures(run_a(), run_c())["nll"]["base"] == 1.1  # (10 + 12) / 20


def test_fewer_than_two_common_prompts_are_refused() -> None:
    with pytest.raises(InputError, match="main and r-8 have 1 held-out prompts in common"):
        pair(run(run_a()[:1], "main"), run(run_b(), "r-8"), 2, "python")


def test_losses_on_other_texts_are_left_out() -> None:
    b = run_b()
    b[0]["answers"]["teacher"][0]["text"] = "Another."
    b[1]["likelihood"]["distilled"]["tokens"] = 11
    b[2] |= {"likelihood": None, "unscored": "max_tokens"}
    pairs = pair(run(run_a()), run(b), 2, "python")
    assert [row.get("unscored") for row in pairs.rows] == [
        "another answer of the teacher", "other tokens", "max_tokens", None
    ]  # fmt: skip
    assert pairs.other_teacher == 1


def test_code_that_ran_in_one_run_only_is_not_compared() -> None:
    b = run_b()
    b[0]["outcomes"] = None
    pairs = pair(run(run_a()), run(b), 2, "python")
    assert [bool(row["outcomes"]) for row in pairs.rows] == [False, True, True, True]
    assert flips(pairs.rows) == (["word-break"], [])


def test_style_is_measured_by_the_selected_profile_whatever_the_runs_measured_it_by() -> None:
    a, b = run_a(), run_b()
    for row in a:
        row["style"] = {side: {"old": 1.0} for side in row["style"]}
    rows = pair(run(a), run(b), 2, "text").rows
    assert {tuple(sorted(row["style"][side])) for row in rows for side in row["style"]} == {
        tuple(sorted(text.FEATURES))
    }
    found = headline(rows, BOOTSTRAP, 2, text.FEATURES)
    assert found["style_distance"]["base"] == 0.0 < found["style_distance"]["distilled"]
    assert found["style"]["words"]["base"] < found["style"]["words"]["distilled"]  # one of B's is wordy


@pytest.mark.parametrize(("samples", "kept"), [((3, 2), 3), ((3, 1), 1), ((0, 3), 1)])
def test_pass_at_k_is_about_equally_many_samples(samples: tuple[int, int], kept: int) -> None:
    runs = run_a(), run_b()
    for rows, count in zip(runs, samples, strict=True):
        for row in rows:
            for kind in ("answers", "outcomes"):
                row[kind]["distilled"] += [dict(row[kind]["distilled"][0]) for _ in range(count)]
    pairs = pair(run(runs[0]), run(runs[1]), 2, "python")
    assert {len(row["answers"][side]) for row in pairs.rows for side in ("base", "distilled")} == {kept}
    assert ("pass_at_2" in headline(pairs.rows, BOOTSTRAP, 2, FEATURES)) == (kept > 1)
