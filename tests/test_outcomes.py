"""distill.outcomes: every answer with a check is run, in its place; without sandbox or check nothing is."""

from pathlib import Path

import pytest

from conftest import ROOT
from distill import execution, outcomes
from distill.config import section
from distill.evaluate import EvaluateParams

RIGHT = "```python\ndef double(number):\n    return 2 * number\n```"
WRONG = "```python\ndef double(number):\n    return number\n```"
CHECK = "from solution import double\n\n\ndef test_double():\n    assert double(21) == 42\n"
ANSWERS = {
    "base": [[WRONG, RIGHT], ["no code", WRONG]],
    "distilled": [[RIGHT, RIGHT], [WRONG, WRONG]],
    "teacher": [[RIGHT], [WRONG]],
}
PARAMS = section(EvaluateParams, "evaluate", ROOT / "params.yaml").sandbox


@pytest.mark.skipif(execution.unavailable() is not None, reason=str(execution.unavailable()))
def test_verdicts_stand_where_their_answers_stand(tmp_path: Path) -> None:
    (tmp_path / "double.py").write_text(CHECK)
    found = outcomes.judge(ANSWERS, [tmp_path / "none.py", tmp_path / "double.py"], PARAMS)
    assert found.rows[0] is None
    assert found.rows[1] is not None
    assert {side: [one["outcome"] for one in each] for side, each in found.rows[1].items()} == {
        "base": ["no_code", "wrong_answer"],
        "distilled": ["wrong_answer", "wrong_answer"],
        "teacher": ["wrong_answer"],
    }
    assert found.metrics() == {"sandbox": execution.available()[0]}
    right = outcomes.judge({"base": [[WRONG, RIGHT]]}, [tmp_path / "double.py"], PARAMS)
    assert [row and [one["outcome"] for one in row["base"]] for row in right.rows] == [["wrong_answer", "pass"]]


def test_no_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(execution, "available", lambda: (None, "no kernel for it"))
    (tmp_path / "double.py").write_text("raise SystemExit")
    found = outcomes.judge(ANSWERS, [tmp_path / "double.py"] * 2, PARAMS)
    assert found.rows == [None, None]
    assert found.metrics() == {"sandbox": None, "sandbox_reason": "no kernel for it"}
    assert "no answer was run: no kernel for it" in capsys.readouterr().out


def test_no_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(execution, "available", lambda: ("bubblewrap", None))
    found = outcomes.judge(ANSWERS, [tmp_path / "a.py", tmp_path / "b.py"], PARAMS)
    assert found.rows == [None, None]
    assert found.metrics()["sandbox_reason"].startswith("no held-out prompt has a hidden check")
