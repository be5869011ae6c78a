"""distill.train.trainer: the path that GPUs take, TRL's loss in TRL's mixed precision, as far as a CPU can show it."""

from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from distill.common.config import parse
from distill.shared import device
from distill.student.model import StudentProfile
from distill.train import lora, loss, trainer
from distill.train.data import Examples
from distill.train.params import TrainingRun, TrainParams
from distill.train.setup import Setup
from training import params, tokens


def trained(dtype: torch.dtype, checkpointing: bool, folder: Path) -> Any:
    """A trainer that has learned four examples, two a pass, for two epochs, with the same first adapter."""
    section = parse(TrainParams, params(micro_batch=2, lora__dropout=0.0, eval_every=1), "params.yaml")
    examples = Examples(tokens([5 + n, *range(10, 20 + n), 2], 3) for n in range(4))
    student = StudentProfile(source="dir", name="x", base_model="x", license="x")
    run = TrainingRun(section, student, tiny.tokenizer(), examples, Examples(examples[:1]))
    setup = Setup("cpu", dtype, 1, 2, 2, False, checkpointing)
    torch.manual_seed(0)
    running = trainer.build(run, setup, lora.add(tiny.model().to(dtype), section.lora),
                            trainer.arguments(run, setup, folder), resume=False)  # fmt: skip
    running.train()
    return running


@pytest.mark.filterwarnings("ignore")  # of libraries, which the stage silences
def test_mixed_precision_learns_what_fp32_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss.chunked_loss, "fits", lambda model: False)  # TRL's, as on a GPU
    exact = trained(torch.float32, False, tmp_path / "exact")
    assert exact.accelerator.mixed_precision == "no"
    monkeypatch.setattr(device, "autocasts", lambda weights: weights == torch.bfloat16)
    for checkpointing in (False, True):
        mixed = trained(torch.bfloat16, checkpointing, tmp_path / f"mixed-{checkpointing}")
        assert mixed.accelerator.mixed_precision == "bf16"
        assert mixed.args.gradient_checkpointing == checkpointing
        for key in ("loss", "eval_loss"):
            curves = [[entry[key] for entry in one.state.log_history if key in entry] for one in (exact, mixed)]
            assert len(curves[0]) >= 2
            assert curves[0][-1] < curves[0][0]
            assert curves[1] == pytest.approx(curves[0], rel=0.03)
        assert {weight.dtype for weight in lora.trainable(mixed.model).values()} == {torch.float32}
