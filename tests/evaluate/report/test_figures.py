"""figures: the figures of metrics/figures.json and their extract, metrics/evaluate.json, by hand."""

import json
import math
from typing import Any

import pytest

from distill.common.jsonl import Row
from distill.evaluate.report.figures import Bootstrap, extract, headline
from distill.evaluate.style import profiles
from distill.evaluate.style.distance import distance

BOOTSTRAP = Bootstrap(resamples=1000, seed=1)
FEATURES = profiles.features("python")
PLAIN = profiles.profile("python", "One.")
CODE = profiles.profile("python", "First.\n\n```python\nx = 1\n```")


def row(group: str, base: Row, distilled: Row, teacher: Row) -> Row:
    """A row of metrics/evaluation.jsonl from what is said of each side."""
    sides = {"base": base, "distilled": distilled, "teacher": teacher}
    return {
        "id": "x",
        "group": group,
        "answers": {side: [{"text": "", "tokens": of["length"], "ended": of["ended"]}] for side, of in sides.items()},
        "likelihood": {
            side: {"nll": sides[side]["nll"], "tokens": sides[side]["tokens"], "correct": sides[side]["correct"]}
            for side in ("base", "distilled")
        },
        "outcomes": {side: verdicts(*of["outcomes"]) for side, of in sides.items()},
        "style": {side: of.get("style", CODE) for side, of in sides.items()},
        "health": {side: {"repetition": of["repetition"], "copied_run": of["copied"]} for side, of in sides.items()},
    }


def verdicts(first: str, *more: str, as_written: str = "exception") -> list[Row]:
    """The greedy answer's verdict, which by default raises when it is loaded whole, and those of samples."""
    greedy = {"outcome": first, "detail": "", "as_written": {"outcome": as_written, "detail": ""}}
    return [greedy, *({"outcome": name, "detail": ""} for name in more)]


def side(nll: float, tokens: int, correct: int, *outcomes: str, **more: Any) -> Row:
    of: Row = {"length": 8, "ended": True, "repetition": 0.5, "copied": 3, "outcomes": outcomes}
    return of | {"nll": nll, "tokens": tokens, "correct": correct} | more


@pytest.fixture
def details() -> list[Row]:
    """Two prompts; the second answer has three times the tokens of the first, and so three times the weight."""
    teacher = side(0, 0, 0, "pass", length=20, repetition=0.1, copied=6)
    return [
        row(
            "heldout-easy",
            side(20.0, 10, 5, "no_code", style=PLAIN, copied=2), side(10.0, 10, 6, "pass", copied=4), teacher,
        ),
        row(
            "heldout-hard",
            side(90.0, 30, 9, "exception", style=PLAIN, ended=False, length=16, copied=3),
            side(30.0, 30, 24, "wrong_answer", repetition=0.25, length=12, copied=5), teacher,
        ),
    ]  # fmt: skip


def test_figures_about_tokens_are_totals_over_all_answer_tokens(details: list[Row]) -> None:
    result = headline(details, BOOTSTRAP, 5, FEATURES)
    assert result["heldout"] == {"prompts": 2, "answer_tokens": 40}
    assert result["nll"]["base"] == 2.75  # (20 + 90) / 40, not the mean of 2 and 3
    assert result["nll"]["distilled"] == 1.0
    # Drawing two of two prompts: both (difference 1.75), the first twice (1) or the second twice (2).
    assert (result["nll"]["difference"], result["nll"]["ci_low"], result["nll"]["ci_high"]) == (-1.75, -2.0, -1.0)
    assert result["nll"]["verdict"] == "better"
    assert result["perplexity"]["base"] == round(math.exp(2.75), 4)
    assert result["perplexity"]["difference"] == round(math.e - math.exp(2.75), 4)
    assert result["perplexity"]["verdict"] == "better"
    assert (result["token_accuracy"]["base"], result["token_accuracy"]["distilled"]) == (0.35, 0.75)
    assert result["token_accuracy"]["verdict"] == "better"


def test_answers_without_a_likelihood_are_left_out_of_it_and_counted(details: list[Row]) -> None:
    whole = headline(details, BOOTSTRAP, 5, FEATURES)
    others = [
        {**details[0], "likelihood": None, "unscored": why} for why in ("special_tokens", "max_tokens", "max_tokens")
    ]
    result = headline([others[0], *details, *others[1:]], BOOTSTRAP, 5, FEATURES)
    unscored = {"max_tokens": 2, "special_tokens": 1}
    assert result["heldout"] == {"prompts": 5, "answer_tokens": 40, "unscored": unscored}
    for name in ("nll", "perplexity", "token_accuracy"):
        assert result[name] == whole[name]
    assert result["ended"]["base"] == 0.8  # everything else is about all five
    assert list(result) == list(whole)


def test_fewer_than_two_likelihoods_are_none(details: list[Row]) -> None:
    details[0] |= {"likelihood": None, "unscored": "max_tokens"}
    result = headline(details, BOOTSTRAP, 5, FEATURES)
    assert (result["nll"], result["perplexity"], result["token_accuracy"]) == (None, None, None)
    assert result["style_distance"]["verdict"] == "better"
    assert result["heldout"] == {"prompts": 2, "answer_tokens": 30, "unscored": {"max_tokens": 1}}


def test_figures_about_answers_are_means_over_prompts(details: list[Row]) -> None:
    result = headline(details, BOOTSTRAP, 5, FEATURES)
    assert {name: result["ended"][name] for name in ("base", "distilled", "teacher")} == {
        "base": 0.5, "distilled": 1.0, "teacher": 1.0,
    }  # fmt: skip
    assert result["ended"]["verdict"] == "no difference found"  # one of the two is alike, and may be drawn twice
    assert (result["repetition"]["base"], result["repetition"]["distilled"]) == (0.5, 0.375)
    assert (result["answer_tokens"]["base"], result["answer_tokens"]["distilled"]) == (12.0, 10.0)
    assert result["copied_run"] == {
        "base": 2.5, "distilled": 4.5, "teacher": 6.0,
        "difference": 2.0, "ci_low": 2.0, "ci_high": 2.0, "verdict": "longer",
    }  # fmt: skip
    assert result["longest_copied_run"] == {"base": 3, "distilled": 5, "teacher": 6}


def test_the_style_distance_is_to_the_teachers_own_profile(details: list[Row]) -> None:
    found = headline(details, BOOTSTRAP, 5, FEATURES)["style_distance"]
    assert found["base"] == round(distance([PLAIN], [CODE], FEATURES).overall, 4) > 0
    assert found["distilled"] == 0.0
    assert found["verdict"] == "better"
    assert "teacher" not in found


def test_what_these_prompts_can_show(details: list[Row]) -> None:
    # Losses a token differ by -1 and -2, weighed 10 and 30: mean -1.75, off by 7.5 and -7.5; √(2 · 112.5) / 40 = 0.375.
    # One of two is gained: variance 1/2, standard error 1/2; 2 · (2.8016 / 2 / 0.05)² = 1569.8.
    assert headline(details, BOOTSTRAP, 5, FEATURES)["detectable"] == {
        "nll": {"smallest": round(2.801585 * 0.375, 4)},
        "pass_at_1": {"smallest": round(2.801585 / 2, 4), "prompts_for_5_points": 1570},
    }
    details[0] |= {"likelihood": None, "unscored": "max_tokens"}
    details[1]["outcomes"]["distilled"] = verdicts("pass")  # both gained: how much prompts differ is not known
    assert headline(details, BOOTSTRAP, 5, FEATURES)["detectable"] == {"nll": None, "pass_at_1": None}


def test_function_by_difficulty_and_outcome(details: list[Row]) -> None:
    result = headline(details, BOOTSTRAP, 5, FEATURES)
    assert [result["pass_at_1"][name] for name in ("base", "distilled", "teacher")] == [0.0, 0.5, 1.0]
    assert result["pass_by_difficulty"] == {
        "easy": {"base": 0.0, "distilled": 1.0, "teacher": 1.0},
        "hard": {"base": 0.0, "distilled": 0.0, "teacher": 1.0},
    }
    assert result["outcomes"] == {
        "base": {"exception": 1, "no_code": 1},
        "distilled": {"pass": 1, "wrong_answer": 1},
        "teacher": {"pass": 2},
    }


def test_runs_as_written_is_of_pytest_files_alone(details: list[Row]) -> None:
    for row in details:
        for side in ("base", "distilled", "teacher"):
            row["outcomes"][side][0]["as_written"] = None
    result = headline(details, BOOTSTRAP, 5, FEATURES)
    assert (result["runs_as_written"], result["outcomes_as_written"]) == (None, None)
    assert result["pass_at_1"]["teacher"] == 1.0


def test_runs_as_written_is_of_the_whole_code(details: list[Row]) -> None:
    details[0]["outcomes"]["distilled"] = verdicts("pass", as_written="pass")
    details[1]["outcomes"]["teacher"] = verdicts("pass", as_written="pass")
    result = headline(details, BOOTSTRAP, 5, FEATURES)
    assert [result["pass_at_1"][name] for name in ("base", "distilled", "teacher")] == [0.0, 0.5, 1.0]
    assert [result["runs_as_written"][name] for name in ("base", "distilled", "teacher")] == [0.0, 0.5, 0.5]
    assert (result["runs_as_written"]["ci_low"], result["runs_as_written"]["ci_high"]) == (0.0, 1.0)
    assert result["outcomes_as_written"]["teacher"] == {"exception": 1, "pass": 1}


def test_pass_at_k_is_of_the_samples_and_pass_at_1_of_the_greedy_answer(details: list[Row]) -> None:
    # The greedy answer, then four samples of which one or two pass: pass@2 is 1 - C(3,2)/C(4,2) or 1 - C(2,2)/C(4,2).
    for one in details:
        one["outcomes"]["base"] = verdicts("exception", "pass", "limit", "syntax", "syntax")
        one["outcomes"]["distilled"] = verdicts("pass", "pass", "pass", "syntax", "syntax")
    result = headline(details, BOOTSTRAP, 2, FEATURES)
    assert (result["pass_at_1"]["base"], result["pass_at_1"]["distilled"]) == (0.0, 1.0)
    assert (result["pass_at_2"]["base"], result["pass_at_2"]["distilled"]) == (0.5, 0.8333)
    assert result["pass_at_2"]["verdict"] == "better"
    assert result["outcomes"]["base"] == {"exception": 2}


def test_prompts_without_a_check_count_in_everything_but_function(details: list[Row]) -> None:
    details.append({**details[0], "outcomes": None})
    result = headline(details, BOOTSTRAP, 5, FEATURES)
    assert result["heldout"]["prompts"] == 3
    assert result["pass_at_1"]["distilled"] == 0.5
    for one in details:
        one["outcomes"] = None
    result = headline(details, BOOTSTRAP, 5, FEATURES)
    keys = ("pass_at_1", "runs_as_written", "pass_by_difficulty", "outcomes", "outcomes_as_written")
    assert [result[key] for key in keys] == [None] * 5


def test_each_style_feature_and_empty_answers_have_an_interval(details: list[Row]) -> None:
    details[0]["answers"]["teacher"][0]["text"] = "x = 1"
    result = headline(details, BOOTSTRAP, 5, FEATURES)
    assert set(result["style"]) == set(CODE)
    fences = result["style"]["code_share"]
    assert fences["teacher"] == round(CODE["code_share"], 4)
    assert fences["base"] == 0.0
    assert fences["ci_low"] == fences["ci_high"] == fences["difference"] == fences["distilled"] > 0
    assert "verdict" not in fences
    assert [result["empty"][name] for name in ("base", "distilled", "teacher")] == [1.0, 1.0, 0.5]


def test_prompts_that_were_not_judged_are_counted(details: list[Row]) -> None:
    assert "judged" not in headline(details, BOOTSTRAP, 5, FEATURES)["heldout"]
    others = [one | {"outcomes": None} for one in details]
    found = headline([*details, *others], BOOTSTRAP, 5, FEATURES)
    assert found["heldout"] == {"prompts": 4, "answer_tokens": 80, "judged": 2}
    assert (found["pass_at_1"]["base"], found["pass_at_1"]["distilled"]) == (0.0, 0.5)
    assert headline(others, BOOTSTRAP, 5, FEATURES)["heldout"]["judged"] == 0


def test_difficulties_of_several_prompts_have_intervals(details: list[Row]) -> None:
    for one in details:
        one["group"] = "heldout-easy"
    easy = headline(details, BOOTSTRAP, 5, FEATURES)["pass_by_difficulty"]["easy"]
    assert {name: easy[name] for name in ("base", "distilled", "teacher", "difference")} == {
        "base": 0.0, "distilled": 0.5, "teacher": 1.0, "difference": 0.5,
    }  # fmt: skip
    assert (easy["ci_low"], easy["ci_high"], easy["verdict"]) == (0.0, 1.0, "no difference found")


def test_equal_models_are_no_different(details: list[Row]) -> None:
    for one in details:
        for name in ("answers", "likelihood", "outcomes", "style", "health"):
            one[name]["distilled"] = one[name]["base"]
    result = headline(details, BOOTSTRAP, 5, FEATURES)
    assert json.dumps(result) == json.dumps(headline(details, BOOTSTRAP, 5, FEATURES))
    for name in ("nll", "perplexity", "token_accuracy", "pass_at_1", "style_distance", "ended", "answer_tokens"):
        assert result[name]["verdict"] == "no difference found"
        assert str(result[name]["difference"]) == "0.0"  # and not -0.0


def test_the_extract_has_what_is_compared_from_run_to_run() -> None:
    metric = {"base": 2.0, "distilled": 1.0, "difference": -1.0, "ci_low": -1.5, "ci_high": -0.5, "verdict": "better"}
    figures: Row = {
        "nll": metric,
        "perplexity": metric,
        "pass_at_1": metric | {"teacher": 1.0},
        "pass_at_5": None,
        "runs_as_written": metric | {"teacher": 0.5},
        "leakage": {"longest_run": 4, "limit": 8},
        "sandbox": None,
        "sandbox_reason": "no sandbox",
        "cost_usd": 0.5,
    }
    curve: list[Row] = [
        {"split": "val", "loss": 3.0},
        {"split": "val", "loss": 2.71828},
        {"split": "train", "loss": 1.0},
    ]
    few = {"base": 2.0, "distilled": 1.0, "ci_low": -1.5, "ci_high": -0.5}
    assert extract(figures, curve) == {
        "nll": few,
        "pass_at_1": few | {"teacher": 1.0},
        "pass_at_5": None,
        "leakage": {"longest_run": 4},
        "sandbox": None,
        "sandbox_reason": "no sandbox",
        "val_loss": 2.7183,
        "cost_usd": 0.5,
    }
    assert extract(figures, [])["val_loss"] is None
