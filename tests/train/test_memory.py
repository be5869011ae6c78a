"""distill.train.memory: what a run takes, by hand; what can be changed; and that it is asked before it loads."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

import tiny
from distill.common.config import parse
from distill.common.errors import InputError
from distill.shared import device
from distill.shared.memory import Size
from distill.student.model import StudentProfile
from distill.train import run as fitting
from distill.train import trainer
from distill.train.data import Examples
from distill.train.memory import PIECES, Plan
from distill.train.params import TrainingRun, TrainParams
from distill.train.setup import Setup
from training import params, tiny_config, tokens

SIZE = Size.of(tiny_config())
FP32, BF16 = torch.float32, torch.bfloat16
ADAPTER = 16 * 2 * ((32 + 32) + (32 + 16) + (32 + 16) + (32 + 32))
"""Parameters: rank 16, two layers; q, k, v and o."""
LOGITS = 2 * 256 * 64 * 4


def plan(setup: Setup, student: StudentProfile | None = None, nf4: bool = False) -> Plan:
    """Examples of 10 tokens at most to train on, and one of 12 to validate with."""
    training = Examples(tokens([4] * (10 - number), 3) for number in range(3))
    student = student or StudentProfile(source="dir", name="x", base_model="x", license="x")
    section = parse(TrainParams, params(), "params.yaml")
    return Plan(TrainingRun(section, student, None, training, Examples([tokens([4] * 12, 3)])), setup, SIZE, nf4)


def test_what_a_run_takes(pretend: Any) -> None:
    pretend("cuda", "cuda")
    kept = SIZE.activations(BF16, ["q_proj", "k_proj", "v_proj", "o_proj"], 16, 12)
    setup = Setup("cuda", BF16, 1, 2, 2, False, checkpointing=False)
    # The adapter, its gradients and two moments in fp32; two examples of 12 tokens.
    assert plan(setup).need() == SIZE.weights(BF16) + 4 * 4 * ADAPTER + 24 * kept + LOGITS
    # Two layers' inputs, and the activations of one.
    again = SIZE.weights(BF16) + 16 * ADAPTER + 24 * (kept / 2 + 2 * 32 * 2) + LOGITS
    assert plan(replace(setup, checkpointing=True)).need() == again
    assert plan(setup, nf4=True).need() == SIZE.weights(BF16, nf4=True) + 4 * 2 * ADAPTER + 24 * kept + LOGITS
    pretend("cpu")  # whose heap gets into pieces, except where what is freed is given back at once
    kept = SIZE.activations(BF16, ["q_proj", "k_proj", "v_proj", "o_proj"], 16, 12)
    assert plan(setup).need() == SIZE.weights(BF16) + 16 * ADAPTER + 24 * kept * PIECES + LOGITS
    again = SIZE.weights(BF16) + 16 * ADAPTER + 24 * (kept / 2 + 2 * 32 * 2) + LOGITS
    assert plan(replace(setup, checkpointing=True)).need() == again


def test_fsdp_shares_weights_out_and_processes_of_a_cpu_share_its_memory(
    pretend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend("cuda", "cuda")
    setup = Setup("cuda", BF16, 4, 1, 1, False, False)
    whole = plan(setup).need()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert plan(setup).need() == whole
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert plan(setup).need() == whole - SIZE.weights(BF16) * 3 / 4
    pretend("cpu")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    two = plan(setup).need()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    assert two == 2 * plan(setup).need()


def test_what_can_be_changed_comes_in_order_and_adds_up(pretend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend("cuda")
    monkeypatch.setattr(device, "can_quantize", lambda: True)
    job = plan(Setup("cuda", FP32, 1, 4, 1, False, checkpointing=False))
    found = job.changes()
    assert [one.words for one in found] == [
        "train.gradient_checkpointing to true",
        "train.micro_batch to 1",
        "train.dtype to bfloat16",
        "train.quantization to nf4",
    ]
    needs = [job.need(), *(one.need for one in found)]
    assert needs == sorted(needs, reverse=True)
    assert len(set(needs)) == 5
    assert replace(job, setup=Setup("cuda", BF16, 1, 1, 4, False, True), nf4=True).changes() == []


def test_nothing_is_loaded_where_it_cannot_fit(
    student: StudentProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = plan(Setup("cpu", FP32, 1, 1, 4, False, False), student).run
    monkeypatch.setattr(device, "free_memory", lambda: 100_000)

    def load(*_: Any, **__: Any) -> None:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(fitting, "load_model", load)
    with pytest.raises(InputError, match=r"^params\.yaml: train: .*0\.0 GB are free; choose a smaller student, for "):
        fitting.fit(job, (), tmp_path / "adapter")


def test_memory_that_ends_while_it_trains_is_a_line(
    student: StudentProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = plan(Setup("cpu", FP32, 1, 1, 4, False, False), student).run
    monkeypatch.setattr(fitting, "load_model", lambda *_, **__: torch.empty(2**55))
    with pytest.raises(InputError, match=r"out of memory; set train\.gradient_checkpointing to true, or "):
        fitting.fit(job, (), tmp_path / "adapter")


@pytest.mark.parametrize("checkpointing", [False, True])
def test_memory_is_given_back_at_once_where_activations_are_recomputed(
    checkpointing: bool, student: StudentProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    asked = Mock()
    monkeypatch.setattr(device, "release_at_once", asked)
    monkeypatch.setattr(fitting, "load_model", stop)
    job = plan(Setup("cpu", FP32, 1, 1, 4, False, False), student).run
    job = replace(job, params=job.params.model_copy(update={"gradient_checkpointing": checkpointing}))
    with pytest.raises(KeyboardInterrupt):
        fitting.fit(job, (), tmp_path / "adapter")
    assert asked.called == checkpointing


def test_cuda_that_runs_out_in_an_update_is_that_line_too(
    student: StudentProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute_loss(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nOf the allocated memory ...")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trainer.Trainer, "compute_loss", compute_loss)
    job = plan(Setup("cpu", FP32, 1, 1, 4, False, False), student).run
    job = replace(job, tokenizer=tiny.tokenizer(), validation=Examples([]))
    with pytest.raises(InputError, match=r"^params\.yaml: train: [^\n]*out of memory; set [^\n]*$"):
        fitting.fit(job, (), tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()
