"""distill.evaluate: the whole stage on a tiny student; killed, it goes on and ends with the same bytes."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import tiny
from distill.common.config import profile, section
from distill.common.jsonl import Row, write_json, write_jsonl
from distill.evaluate.stage import EvaluateParams, prepare
from distill.shared import device
from distill.student.model import StudentProfile
from repository import ROOT
from workspace import environment

pytestmark = pytest.mark.slow
OUTPUTS = ["metrics/evaluate.json", "metrics/figures.json", "metrics/evaluation.jsonl", "metrics/report.html"]
PROMPTS = 24


def workspace(folder: Path) -> Path:
    """A folder in which `python -m distill.evaluate` runs: held-out prompts w10, w11 ..., answers of words, no code."""
    student = tiny.student(folder / "tiny")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    profile = {"source": "dir", "name": "tiny", "base_model": "tiny", "license": "x"}
    params |= {"student": "tiny", "students": {"tiny": profile}}
    params["evaluate"] |= {"max_new_tokens": 60, "batch_tokens": 300, "dtype": "float32"}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    tiny.adapter(folder / "models/distilled-student", student.model_copy(update={"name": "tiny"}))
    (folder / ".dvc").mkdir()
    write_data(folder)
    return folder


def write_data(folder: Path) -> None:
    prompts: list[Row] = [
        {"id": f"p{n}", "base": f"p{n}", "group": "heldout-easy", "modifier": None, "split": "heldout",
         "prompt": f"w{10 + n} w5"} for n in range(PROMPTS)
    ]  # fmt: skip
    answers = [row | {"completion": f"w{9 + n} w7 w8", "stop_reason": "end_turn", "model": "t",
                      "usage": {}, "key": "k"} for n, row in enumerate(prompts)]  # fmt: skip
    trained = {"id": "t", "prompt": [{"role": "user", "content": "w40"}],
               "completion": [{"role": "assistant", "content": "w41 w42"}]}  # fmt: skip
    write_jsonl(folder / "data/prompts.jsonl", prompts)
    write_jsonl(folder / "data/teacher_data.jsonl", answers)
    write_jsonl(folder / "data/train.jsonl", [trained])
    write_json(folder / "metrics/collect.json", {"cost_usd": 1.25})
    (folder / "metrics/plots").mkdir()
    header = "update\tsplit\tloss\ttoken_accuracy\n"
    (folder / "metrics/plots/train.tsv").write_text(
        header + "1\ttrain\t2.0\t0.5\n2\ttrain\t1.0\t0.6\n2\tval\t0.9\t0.6\n"
    )
    for n in range(PROMPTS):
        check = folder / f"data/prompts/checks/p{n}.py"
        check.parent.mkdir(parents=True, exist_ok=True)
        check.write_text("from solution import f\n\n\ndef test_f():\n    assert f() == 1\n")


def start(folder: Path) -> "subprocess.Popen[str]":
    full = environment(folder, PYTHONPATH=str(ROOT / "src"), OMP_NUM_THREADS="1")
    command = [sys.executable, "-m", "distill.evaluate"]
    return subprocess.Popen(command, cwd=folder, env=full, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(folder: Path) -> tuple[int, str]:
    process = start(folder)
    _, errors = process.communicate()
    return process.returncode, errors


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = workspace(tmp_path_factory.mktemp("evaluate"))
    code, errors = run(folder)
    assert code == 0, errors
    return folder


def figures(folder: Path, name: str = "figures") -> dict[str, Any]:
    return json.loads((folder / f"metrics/{name}.json").read_text())  # type: ignore[no-any-return]


def test_it_writes_what_the_contract_names(finished: Path) -> None:
    found = figures(finished)
    rows = [json.loads(line) for line in (finished / "metrics/evaluation.jsonl").read_text().splitlines()]
    assert found["heldout"] == {"prompts": PROMPTS, "answer_tokens": 4 * PROMPTS}  # three words and the end of turn
    assert [row["id"] for row in rows] == [f"p{n}" for n in range(PROMPTS)]
    assert found["cost_usd"] == 1.25
    for side in ("base", "distilled"):
        nll = sum(row["likelihood"][side]["nll"] for row in rows) / (4 * PROMPTS)
        assert found["nll"][side] == pytest.approx(nll, abs=1e-4)
        assert found["answer_tokens"][side] == pytest.approx(
            sum(row["answers"][side][0]["tokens"] for row in rows) / PROMPTS, abs=1e-4
        )
    assert found["outcomes"]["teacher"] == {"no_code": PROMPTS}
    few = figures(finished, "evaluate")
    assert few["nll"] == {key: found["nll"][key] for key in ("base", "distilled", "ci_low", "ci_high")}
    assert (few["val_loss"], few["cost_usd"]) == (0.9, 1.25)
    assert sum(len(value) if isinstance(value, dict) else 1 for value in few.values()) <= 22  # columns to be read
    assert "</html>" in (finished / "metrics/report.html").read_text()
    assert not (finished / ".distill/generations").exists() or not list((finished / ".distill/generations").iterdir())


def test_answers_that_cannot_be_scored_are_left_out_of_likelihood_and_said(finished: Path, tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    path = folder / "data/teacher_data.jsonl"
    answers = [json.loads(line) for line in path.read_text().splitlines()]
    answers[0] |= {"stop_reason": "max_tokens"}
    answers[1] |= {"completion": "w10 <end> user w7"}
    answers[2] |= {"completion": f"\n\n{answers[2]['completion']} \n"}
    write_jsonl(path, answers)
    code, errors = run(folder)
    assert code == 0, errors
    found, whole = figures(folder), figures(finished)
    unscored = {"max_tokens": 1, "special_tokens": 1}
    assert found["heldout"] == {"prompts": PROMPTS, "answer_tokens": 4 * (PROMPTS - 2), "unscored": unscored}
    assert found["outcomes"]["distilled"] == whole["outcomes"]["distilled"]
    rows, others = (
        [json.loads(line) for line in (place / "metrics/evaluation.jsonl").read_text().splitlines()]
        for place in (folder, finished)
    )
    assert [(row["likelihood"], row["unscored"]) for row in rows[:2]] == [
        (None, "max_tokens"),
        (None, "special_tokens"),
    ]
    assert [row["answers"]["base"] for row in rows] == [row["answers"]["base"] for row in others]
    for row, other in zip(rows[2:], others[2:], strict=True):
        assert "unscored" not in row
        assert row["likelihood"]["base"]["nll"] == pytest.approx(other["likelihood"]["base"]["nll"], rel=1e-5)
    assert "leave out 2 of the teacher’s 24 answers" in (folder / "metrics/report.html").read_text(encoding="utf-8")


def test_killed_it_goes_on_and_ends_with_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    process = start(folder)
    kept = folder / ".distill/generations"
    while process.poll() is None and not any(len(p.read_text().splitlines()) >= 5 for p in kept.glob("*.jsonl")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "metrics/evaluate.json").exists()
    code, errors = run(folder)
    assert code == 0, errors
    assert [name for name in OUTPUTS if (folder / name).read_bytes() != (finished / name).read_bytes()] == []


def test_it_says_what_a_slow_type_costs(
    tmp_path: Path, pretend: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workspace(tmp_path))
    pretend("cpu")
    monkeypatch.setattr(device, "speed", lambda dtype: 8e10 if dtype == torch.float32 else 2e10)
    _, student = profile(StudentProfile, "student")
    for dtype in ("auto", "bfloat16"):
        params = section(EvaluateParams, "evaluate").model_copy(update={"dtype": dtype})
        prepare(params, student, [], None)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("params.yaml: evaluate.dtype: bfloat16, and this machine has no instructions for it: ")
    assert "4.0 times as long" in line


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("data/teacher_data.jsonl", '{"id": 1\n', "data/teacher_data.jsonl:1: not valid JSON"),
        ("models/distilled-student/adapter_config.json", "{}", "models/distilled-student"),
        ("metrics/collect.json", "{", "metrics/collect.json: not valid JSON"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, name: str, text: str, words: str) -> None:
    folder = workspace(tmp_path)
    (folder / name).write_text(text)
    code, errors = run(folder)
    message = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert code == 1
    assert len(message) == 1
    assert words in message[0]
    assert "Traceback" not in errors
