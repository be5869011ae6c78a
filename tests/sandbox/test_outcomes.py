"""outcomes: every answer with a check is run, in its place; without sandbox or check nothing is."""

from pathlib import Path
from typing import Any

import pytest

from distill.common.config import section
from distill.evaluate.stage import EvaluateParams
from distill.sandbox import checks, outcomes, run_checks
from distill.sandbox.kinds.python import PythonCheck
from repository import ROOT

RIGHT = "```python\ndef double(number):\n    return 2 * number\n```"
WRONG = "```python\ndef double(number):\n    return number\n```"
CHECK = PythonCheck("from solution import double\n\n\ndef test_double():\n    assert double(21) == 42\n")
RAISING = f"{RIGHT}\n\n```python\nprint(double(None) + 1)\n```"
ANSWERS = {
    "base": [[WRONG, RIGHT], ["no code", WRONG]],
    "distilled": [[RIGHT, RIGHT], [WRONG, WRONG]],
    "teacher": [[RIGHT], [WRONG]],
}
PARAMS = section(EvaluateParams, "evaluate", ROOT / "params.yaml").sandbox


@pytest.mark.skipif(run_checks.unavailable() is not None, reason=str(run_checks.unavailable()))
def test_verdicts_stand_where_their_answers_stand() -> None:
    found = outcomes.judge(ANSWERS, [None, CHECK], PARAMS)
    assert found.rows[0] is None
    assert found.rows[1] is not None
    assert {side: [one["outcome"] for one in each] for side, each in found.rows[1].items()} == {
        "base": ["no_code", "wrong_answer"],
        "distilled": ["wrong_answer", "wrong_answer"],
        "teacher": ["wrong_answer"],
    }
    assert found.metrics() == {"sandbox": run_checks.available()[0]}
    right = outcomes.judge({"base": [[WRONG, RIGHT]]}, [CHECK], PARAMS)
    assert [row and [one["outcome"] for one in row["base"]] for row in right.rows] == [["wrong_answer", "pass"]]


@pytest.mark.skipif(run_checks.unavailable() is not None, reason=str(run_checks.unavailable()))
def test_the_first_answer_is_also_run_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    real = run_checks.judge

    def judge(answers: list[str], *rest: Any, **more: Any) -> list[run_checks.Verdict]:
        ran.append(answers)
        return real(answers, *rest, **more)

    monkeypatch.setattr(run_checks, "judge", judge)
    answers = {"base": [[RAISING, RIGHT]], "teacher": [[RIGHT]]}
    (row,) = outcomes.judge(answers, [CHECK], PARAMS).rows
    assert row is not None
    assert [one["outcome"] for one in row["base"]] == ["pass", "pass"]
    assert row["base"][0]["as_written"]["outcome"] == "exception"
    assert row["base"][0]["as_written"]["detail"].startswith("import: TypeError")
    assert "as_written" not in row["base"][1]
    assert row["teacher"][0]["as_written"] == {"outcome": "pass", "detail": ""}
    assert ran == [[RAISING, RIGHT, RIGHT], [RAISING]]  # the same code is not run twice


def test_no_sandbox(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(run_checks, "available", lambda: (None, "no kernel for it"))
    found = outcomes.judge(ANSWERS, [CHECK] * 2, PARAMS)
    assert found.rows == [None, None]
    assert found.metrics() == {"sandbox": None, "sandbox_reason": "no kernel for it"}
    assert "no answer was run: no kernel for it" in capsys.readouterr().out


def test_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_checks, "available", lambda: ("bubblewrap", None))
    found = outcomes.judge(ANSWERS, [None, None], PARAMS)
    assert found.rows == [None, None]
    assert found.metrics()["sandbox_reason"].startswith("no held-out prompt has a hidden check")


@pytest.mark.skipif(run_checks.unavailable() is not None, reason=str(run_checks.unavailable()))
def test_a_check_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "capital.yaml").write_text("kind: exact\nexpected: Paris\n")
    prompts = [checks.load(base, tmp_path) for base in ("capital", "river")]
    found = outcomes.judge({"base": [["Paris", "Rome"], ["Seine"]]}, prompts, PARAMS)
    passed, failed = (
        {"outcome": "pass", "detail": ""},
        {"outcome": "wrong_answer", "detail": "it is 'Rome', not 'Paris'"},
    )
    assert found.rows == [{"base": [passed | {"as_written": None}, failed]}, None]
