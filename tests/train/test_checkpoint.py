"""checkpoint and the folders of distill.train.run: which run goes on from what, and what a kill leaves behind."""

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from distill.common.config import parse
from distill.shared import device
from distill.student.model import StudentProfile
from distill.train import checkpoint, lora
from distill.train import run as fitting
from distill.train.data import Examples
from distill.train.params import TrainingRun, TrainParams
from distill.train.setup import Setup
from training import params, tokens

SETUP = Setup("cpu", torch.float32, 1, 1, 4, False, False)


def begun(place: Path, step: int, complete: bool = True) -> Path:
    folder = place / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "weights").write_text("w")
    if complete:
        checkpoint.mark_complete(folder)
    return folder


def key(student: StudentProfile, **changes: Any) -> str:
    run = TrainingRun(parse(TrainParams, params(**changes), "params.yaml"), student, None, Examples([]), Examples([]))
    return fitting._key(run, (), SETUP)


def test_the_last_complete_one_is_taken_and_unfinished_ones_are_removed(tmp_path: Path) -> None:
    assert checkpoint.last(tmp_path) is None
    begun(tmp_path, 9)
    expected = begun(tmp_path, 10)
    unfinished = begun(tmp_path, 11, complete=False)
    assert checkpoint.last(tmp_path) == str(expected)
    assert not unfinished.exists()
    assert checkpoint.last(tmp_path) == str(expected)


def test_of_several_processes_the_first_one_looks_and_the_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    told = [str(tmp_path / "checkpoint-7")]
    monkeypatch.setattr(checkpoint.processes, "is_initialized", lambda: True)
    monkeypatch.setattr(checkpoint.processes, "get_rank", lambda: 1)
    monkeypatch.setattr(checkpoint.processes, "barrier", lambda: calls.append("barrier"))
    monkeypatch.setattr(
        checkpoint.processes, "broadcast_object_list", lambda found, src: found.__setitem__(slice(None), told)
    )
    unfinished = begun(tmp_path, 8, complete=False)
    assert checkpoint.last(tmp_path) == told[0]
    assert unfinished.exists()
    checkpoint.mark_complete(unfinished)
    assert not (unfinished / checkpoint.MARK).exists()
    monkeypatch.setattr(checkpoint.processes, "get_rank", lambda: 0)
    checkpoint.mark_complete(unfinished)
    assert (unfinished / checkpoint.MARK).exists()
    assert calls == ["barrier", "barrier"]


def test_the_first_process_speaks_by_what_torch_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")  # a cluster's scheduler may set it for a process that runs alone
    fitting._say("alone")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setattr(checkpoint.processes, "is_initialized", lambda: True)
    monkeypatch.setattr(checkpoint.processes, "get_rank", lambda: 1)
    fitting._say("second of two")
    assert capsys.readouterr().out == "alone\n"


def test_a_run_says_what_a_slow_type_costs(
    pretend: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend("cpu")
    monkeypatch.setattr(device, "speed", lambda dtype: 8e10 if dtype == torch.float32 else 2e10)
    student = StudentProfile(source="dir", name="x", base_model="x", license="x")
    examples = Examples([tokens([4, 5, 6, 7], 2)])
    for dtype in ("auto", "bfloat16"):
        run = TrainingRun(parse(TrainParams, params(dtype=dtype), "params.yaml"), student, None, examples, Examples([]))
        fitting._announce(run, SETUP, lora.add(tiny.model(), run.params.lora), None)
    first, second, cost = capsys.readouterr().out.splitlines()
    assert first == second == f"training on {SETUP.describe()}: less than a minute if the machine does nothing else"
    assert cost.startswith("params.yaml: train.dtype: bfloat16, and this machine has no instructions for it: ")
    assert "4.0 times as long" in cost


def test_a_run_that_ends_well_removes_its_checkpoints_and_locks(tmp_path: Path) -> None:
    place = tmp_path / "checkpoints/key"
    with checkpoint.turn(place):
        begun(place, 1)
    assert list(place.parent.iterdir()) == []


def test_a_run_that_fails_leaves_its_checkpoints_to_the_next(tmp_path: Path) -> None:
    place = tmp_path / "key"
    with suppress(KeyboardInterrupt), checkpoint.turn(place):
        begun(place, 1)
        raise KeyboardInterrupt
    with checkpoint.turn(place):
        assert checkpoint.last(place) == str(place / "checkpoint-1")


def test_of_three_runs_each_has_its_turn_and_the_last_one_removes_the_checkpoints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "checkpoints/key"
    found = []

    def run() -> None:
        with checkpoint.turn(place):
            found.append(checkpoint.last(place))
            if not found[-1]:
                begun(place, 9)
            time.sleep(0.3)  # the others ask for their turn 20 times a second

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [None, str(place / "checkpoint-9"), str(place / "checkpoint-9")]
    assert capsys.readouterr().out.count("waiting for it to end") == 2
    assert list(place.parent.iterdir()) == []


def test_other_weights_in_the_same_directory_are_another_run(tmp_path: Path) -> None:
    student = tiny.student(tmp_path / "student")
    first = key(student)
    assert key(student) == first
    assert key(student, seed=7) != first
    tiny.model(seed=1).save_pretrained(tmp_path / "student")
    assert key(student) != first
