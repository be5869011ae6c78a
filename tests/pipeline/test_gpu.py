"""What only a GPU can show (`make gpu-check`): the stages give what they give on a CPU, and memory is watched."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from distill.common.errors import InputError
from distill.generate import models
from distill.generate.decode import Decoding, Generation, generate
from distill.generate.likelihood import score
from distill.shared import device, memory
from distill.student.chat import Encoded
from distill.student.model import StudentProfile
from training import train, workspace

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not device.is_gpu(), reason="no GPU here; on a machine with one, `make gpu-check` runs this"),
]
EXAMPLES = [Encoded((5, 6, 7, 8, 1), 2), Encoded((9, 10, 1), 1), Encoded((4, 5, 6, 7, 8, 9, 10, 1), 5)]


def validation(folder: Path) -> dict[str, float]:
    """First and last loss on the validation examples."""
    found: dict[str, float] = json.loads((folder / "metrics/train.json").read_text())["val"]["loss"]
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "float32"},
        {"dtype": "auto"},
        {"dtype": "auto", "gradient_checkpointing": True, "micro_batch": 1},
        {"dtype": "auto", "lora__dora": True, "lora__targets": "all-linear"},
        pytest.param(
            {"quantization": "nf4"},
            marks=pytest.mark.skipif(not importlib.util.find_spec("bitsandbytes"), reason="bitsandbytes is missing"),
        ),
    ],
    ids=str,
)
def test_training_learns_what_it_learns_on_a_cpu(changes: dict[str, Any], tmp_path: Path) -> None:
    changes = {"lora__dropout": 0.0} | changes
    _, output, _ = train(workspace(tmp_path / "gpu", **changes))
    assert f" × {device.kind()}, " in output
    learned = validation(tmp_path / "gpu")
    assert learned["last"] < learned["first"]
    if device.kind() == "cuda" and "quantization" not in changes:  # which can be hidden
        train(workspace(tmp_path / "cpu", **changes | {"dtype": "float32"}), CUDA_VISIBLE_DEVICES="")
        exact = validation(tmp_path / "cpu")
        assert learned["first"] == pytest.approx(exact["first"], rel=0.02)
        assert learned["last"] == pytest.approx(exact["last"], rel=0.05)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("auto", 0.02)])
def test_likelihoods_are_those_of_a_cpu(dtype: str, tolerance: float, student: StudentProfile, adapter: Path) -> None:
    found = score(models.load(student, adapter, device.dtype(dtype)), EXAMPLES, 100)
    exact = score(models.load(student, adapter, torch.float32).cpu(), EXAMPLES, 100)
    assert [one.nll for one in found] == pytest.approx([one.nll for one in exact], rel=tolerance)


def test_answers_are_those_of_one_at_a_time(student: StudentProfile, adapter: Path) -> None:
    model = models.merge(models.load(student, adapter, torch.float32))
    assert model.device.type == device.kind()
    prompts = [[4 + number, *range(10, 12 + number)] for number in range(6)]
    found: dict[int, Generation] = {}
    decoding = Decoding(max_new_tokens=20, samples=0, temperature=1.0, seed=0, batch_tokens=100)
    generate(model, tiny.tokenizer(), prompts, decoding, lambda prompt, sample, answer: found.update({prompt: answer}))
    for number, prompt in enumerate(prompts):
        ids = torch.tensor([prompt], device=model.device)
        with torch.inference_mode():
            alone = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False)
        expected = tiny.tokenizer().decode(alone[0, len(prompt) :], skip_special_tokens=True)
        assert found[number].text == expected


def test_its_memory_is_watched() -> None:
    free = device.free_memory()
    taken = torch.ones(2**28, device=device.kind())  # 1 GiB
    assert device.free_memory() <= free - 2**29
    assert device.peak_memory() >= taken.nbytes
    with pytest.raises(InputError, match="out of memory; choose a smaller student"), memory.enough("train: x", list):
        torch.ones(2**42, device=device.kind())
