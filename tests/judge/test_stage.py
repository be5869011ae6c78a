"""distill.judge: off, it does nothing; on, it asks a loopback server, in both orders, and pays for a verdict once."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from distill.common.config import parse, profile
from distill.common.errors import InputError, TeacherError
from distill.judge import stage
from distill.judge.stage import KINDS, METRICS, OUTPUT, BatchesJudge, MessagesJudge, NoJudge, ask
from messages_server import Behaviour, MessagesServer
from repository import ROOT

SHIPPED: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


class JudgeServer(MessagesServer):
    """A judge that prefers the answer with GOOD in it, and refuses to say anything about UNSPEAKABLE ones."""

    def _content(self, prompt: str, *_: Any) -> tuple[str, list[dict[str, Any]]]:
        if "UNSPEAKABLE" in prompt:
            return "refusal", []
        first, second = ("GOOD" in answer for answer in re.findall(r"<answer-\d-\w+>\n(.*?)\n</answer", prompt, re.S))
        said = "TIE" if first == second else "1" if first else "2"
        return "end_turn", [{"type": "text", "text": f"Because.\n\nVERDICT: {said}"}]


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    with JudgeServer(Behaviour(key=None)) as running:
        yield running


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISTILL_LEDGER", str(tmp_path / "ledger.sqlite"))
    return tmp_path


def write_details(*answers: tuple[str, str]) -> None:
    rows = [
        {"id": f"p{i}", "prompt": f"Task {i}.", "answers": {"base": [{"text": base}], "distilled": [{"text": mine}]}}
        for i, (base, mine) in enumerate(answers)
    ]
    Path("metrics").mkdir(exist_ok=True)
    Path("metrics/evaluation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_params(url: str = "http://127.0.0.1:9", kind: str = "messages", budget: float | None = None) -> Path:
    """The shipped parameters with a judge `test` at `url`, and no waiting."""
    test = SHIPPED["judges"]["claude"] | {"base_url": url, "key_env": None, "kind": kind}
    quick = {"retry_wait_s": 0, "poll_interval_s": 0.01, "adopt_wait_s": 0, "hydrate": False, "budget_usd": budget}
    params = SHIPPED | {
        "judge": "test",
        "judges": SHIPPED["judges"] | {"test": test},
        "runtime": SHIPPED["runtime"] | quick,
    }
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return Path("params.yaml")


def run_judge(params: Path) -> dict[str, Any]:
    name, selected = profile(KINDS["messages"], "judge", params)
    assert isinstance(selected, MessagesJudge)
    return ask(name, selected, params)


def run_stage(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words, "-m", "distill.judge"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_off_by_default() -> None:
    assert SHIPPED["judge"] == "none"
    assert profile(NoJudge, "judge", ROOT / "params.yaml") == ("none", NoJudge(kind="none"))


def test_shipped_profiles_can_be_read() -> None:
    for name, value in SHIPPED["judges"].items():
        parse(KINDS[value["kind"]], value, "params.yaml", name)


def test_off_it_says_so_and_reads_nothing() -> None:
    Path("params.yaml").write_text(yaml.safe_dump(SHIPPED), encoding="utf-8")
    result = run_stage("-X", "importtime")
    assert result.returncode == 0, result.stderr
    assert "off" in result.stdout
    assert json.loads(METRICS.read_text(encoding="utf-8")) == {"enabled": False}
    assert OUTPUT.read_bytes() == b""
    assert not Path("ledger.sqlite").exists()
    # What takes time, or could reach a network, is not even imported.
    imported = {line.rsplit("|", 1)[-1].strip() for line in result.stderr.splitlines()}
    assert "distill.common.config" in imported
    assert not imported & {"anthropic", "httpx2", "numpy", "torch", "sqlite3"}


def test_figures_by_hand(server: JudgeServer) -> None:
    write_details(("bad", "GOOD"), ("bad", "GOOD"), ("GOOD", "bad"), ("bad", "worse"))
    found = run_judge(write_params(server.url))
    assert found["preferred"]["distilled"] == 0.625  # (1 + 1 + 0 + 1/2) / 4
    assert found["won"] == {"base": 1, "distilled": 2, "neither": 1}
    assert found["reliability"] == {"orders_agree": 1, "first_preferred": 0.5, "unclear": 0}
    assert (found["enabled"], found["judge"], found["prompts"], found["calls"]) == (True, "test", 4, 8)
    assert found["cost_usd"] == float(server.bill) > 0
    rows = [json.loads(line) for line in OUTPUT.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows[:3]] == ["p0/base", "p0/distilled", "p1/base"]
    assert rows[0]["completion"].endswith("VERDICT: 2")
    assert rows[1]["completion"].endswith("VERDICT: 1")


def test_equal_answers_tie_unasked(server: JudgeServer) -> None:
    write_details(("same", "same"), ("bad", "GOOD"))
    found = run_judge(write_params(server.url))
    assert found["won"] == {"base": 0, "distilled": 1, "neither": 1}
    assert found["reliability"] == {"orders_agree": 1, "first_preferred": 0.5, "unclear": 0}
    assert found["calls"] == len(server.answered) == 2


def test_nothing_to_ask() -> None:
    write_details(("same", "same"), ("also", "also"))
    found = run_judge(write_params())
    assert (found["preferred"]["verdict"], found["calls"], found["cost_usd"]) == ("no difference found", 0, 0)


def test_the_judge_is_not_told_who_is_who(server: JudgeServer) -> None:
    write_details(("one", "two"), ("three", "four"))
    run_judge(write_params(server.url))
    assert not [
        word for word in ("base", "distilled", "student", "teacher") for one in server.answered if word in one.prompt
    ]


def test_paid_once(server: JudgeServer) -> None:
    params = write_params(server.url)
    write_details(("bad", "GOOD"), ("bad", "GOOD"))
    first, judgements = run_judge(params), OUTPUT.read_bytes()
    assert len(server.answered) == 4
    assert run_judge(params) == first
    assert (len(server.answered), OUTPUT.read_bytes()) == (4, judgements)
    write_details(("bad", "GOOD"), ("bad", "now GOOD"))
    run_judge(params)
    assert len(server.answered) == 6


def test_an_interrupted_run_goes_on(server: JudgeServer) -> None:
    params = write_params(server.url)
    write_details(("bad", "GOOD"), ("bad", "GOOD HARD"))
    server.behaviour.refuse["HARD"] = 400
    with pytest.raises(TeacherError, match="2 answers are missing, all others are kept"):
        run_judge(params)
    assert not OUTPUT.exists()
    server.behaviour.refuse.clear()
    assert run_judge(params)["won"]["distilled"] == 2
    assert len(server.answered) == 4


def test_no_verdict_is_unclear(server: JudgeServer) -> None:
    write_details(("bad", "UNSPEAKABLE GOOD"), ("bad", "GOOD"))
    found = run_judge(write_params(server.url))
    assert found["reliability"] == {"orders_agree": 0.5, "first_preferred": 0.5, "unclear": 2}
    assert found["preferred"]["distilled"] == 0.75


def test_a_batch_costs_half(server: JudgeServer) -> None:
    write_details(("bad", "GOOD"), ("GOOD", "bad"))
    params = write_params(server.url, kind="batches")
    name, selected = profile(BatchesJudge, "judge", params)
    found = ask(name, selected, params)
    assert found["won"] == {"base": 1, "distilled": 1, "neither": 0}
    assert {one.batch for one in server.answered} != {None}
    assert found["cost_usd"] == float(server.bill)


def test_the_budget_is_the_teachers(server: JudgeServer) -> None:
    write_details(("bad", "GOOD"), ("bad", "GOOD"))
    with pytest.raises(TeacherError, match="budget_usd"):
        run_judge(write_params(server.url, budget=0.001))
    assert server.answered == []


@pytest.mark.parametrize("answers", [[], [("bad", "GOOD")]])
def test_too_few_prompts_are_found_out_before_anything_is_paid(answers: list[tuple[str, str]]) -> None:
    write_details(*answers)
    with pytest.raises(InputError, match=r"evaluation\.jsonl: an interval needs at least 2 prompts"):
        run_judge(write_params())
    assert not Path("ledger.sqlite").exists()


def test_no_evaluation() -> None:
    with pytest.raises(InputError, match=r"metrics/evaluation\.jsonl: no such file"):
        run_judge(write_params())


def test_a_judge_is_asked_once_an_order() -> None:
    value = SHIPPED["judges"]["claude"] | {"samples": 2}
    with pytest.raises(InputError, match=r"judges\.claude\.samples: input should be 1, found 2"):
        parse(KINDS["messages"], value, "params.yaml", "judges.claude")


def test_the_stage_as_a_command(server: JudgeServer) -> None:
    write_params(server.url)
    write_details(("bad", "GOOD"), ("bad", "GOOD"))
    result = run_stage()
    assert result.returncode == 0, result.stderr
    assert "gives the distilled student 100% of the points over 2 prompts (better)" in result.stdout
    assert json.loads(METRICS.read_text(encoding="utf-8"))["won"]["distilled"] == 2
    assert Path("metrics/judge.json") == stage.METRICS
