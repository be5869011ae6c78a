"""distill.generate, the stage, on a tiny student: what it writes; killed, it goes on and ends with the same bytes."""

import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from distill.common.config import profile, section
from distill.common.jsonl import write_jsonl
from distill.generate.stage import GenerateParams, prepare
from distill.shared import device
from distill.student.model import StudentProfile
from evaluating import PROMPTS, SIDES, error_line, generated, held_out, rows, run, start, workspace

pytestmark = pytest.mark.slow
ANSWERS = {side: Path(f"data/answers/{side}.jsonl") for side in SIDES}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated(workspace(tmp_path_factory.mktemp("generate")))


def test_it_writes_what_the_contract_names(finished: Path) -> None:
    base, distilled = (rows(finished / path) for path in ANSWERS.values())
    for found in (base, distilled):
        assert [row["id"] for row in found] == [f"p{n}" for n in range(PROMPTS)]
        for row in found:
            assert row["teacher_tokens"] == row["likelihood"]["tokens"] == 4  # three words and the end of turn
            (answer,) = row["answers"]
            assert answer["tokens"] <= 60
            assert answer["ended"] or answer["tokens"] == 60
    assert [row["likelihood"]["nll"] for row in base] != [row["likelihood"]["nll"] for row in distilled]
    assert not list((finished / ".distill/generations").iterdir())


def test_the_base_needs_no_adapter(finished: Path, tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    shutil.rmtree(folder / "models")
    assert run(folder, "generate", "base")[0] == 0
    assert (folder / ANSWERS["base"]).read_bytes() == (finished / ANSWERS["base"]).read_bytes()
    code, errors = run(folder, "generate", "distilled")
    assert code == 1
    assert "adapter_model.safetensors: no adapter there; run `dvc repro train`" in error_line(errors)


def test_answers_that_cannot_be_scored_have_no_likelihood(finished: Path, tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    changed = [held_out(number) for number in range(PROMPTS)]
    changed[0] |= {"stop_reason": "max_tokens", "ended": False}
    changed[1] |= {"completion": [{"role": "assistant", "content": "w10 <end> user w7"}]}
    write_jsonl(folder / "data/heldout.jsonl", changed)
    code, errors = run(folder, "generate", "base")
    assert code == 0, errors
    found, whole = rows(folder / ANSWERS["base"]), rows(finished / ANSWERS["base"])
    assert [(row["likelihood"], row["unscored"]) for row in found[:2]] == [
        (None, "max_tokens"),
        (None, "special_tokens"),
    ]
    assert [row["answers"] for row in found] == [row["answers"] for row in whole]
    for row, other in zip(found[2:], whole[2:], strict=True):
        assert "unscored" not in row
        assert row["likelihood"]["nll"] == pytest.approx(other["likelihood"]["nll"], rel=1e-5)


def test_killed_it_goes_on_and_ends_with_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    process = start(folder, "generate", "distilled")
    kept = folder / ".distill/generations"
    while process.poll() is None and not any(len(p.read_text().splitlines()) >= 3 for p in kept.glob("*.jsonl")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / ANSWERS["distilled"]).exists()
    code, errors = run(folder, "generate", "distilled")
    assert code == 0, errors
    assert (folder / ANSWERS["distilled"]).read_bytes() == (finished / ANSWERS["distilled"]).read_bytes()


def test_it_says_what_a_slow_type_costs(
    tmp_path: Path, pretend: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workspace(tmp_path))
    pretend("cpu")
    monkeypatch.setattr(device, "speed", lambda dtype: 8e10 if dtype == torch.float32 else 2e10)
    _, student = profile(StudentProfile, "student")
    for dtype in ("auto", "bfloat16"):
        params = section(GenerateParams, "generate").model_copy(update={"dtype": dtype})
        prepare(params, student, [], None)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("params.yaml: generate.dtype: bfloat16, and this machine has no instructions for it: ")
    assert "4.0 times as long" in line


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("data/heldout.jsonl", '{"id": 1\n', "data/heldout.jsonl:1: not valid JSON"),
        ("data/heldout.jsonl", "", "0 held-out prompts, and two are the least"),
        ("models/distilled-student/adapter_config.json", "{}", "models/distilled-student"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, name: str, text: str, words: str) -> None:
    folder = workspace(tmp_path)
    (folder / name).write_text(text)
    code, errors = run(folder, "generate", "distilled")
    assert code == 1
    assert words in error_line(errors)
