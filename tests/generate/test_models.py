"""models: one loading, two models; the base stays as it was, to the last bit; wrong adapters are refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny
from distill.common.errors import InputError
from distill.generate.models import Pair, check_adapter
from distill.student.model import StudentProfile
from tiny import logits


@pytest.fixture
def folder(adapter: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(adapter, tmp_path / "adapter"))


def test_the_adapter_is_switched_off_for_the_base_and_merged_for_decoding(
    student: StudentProfile, adapter: Path
) -> None:
    pair = Pair(student, adapter)
    with pair.scoring("base") as model:
        base = logits(model)
    with pair.scoring("distilled") as model:
        distilled = logits(model)
    torch.testing.assert_close(base, logits(tiny.model()), rtol=1e-4, atol=1e-4)
    assert (distilled - base).abs().max() > 0.1

    merged = pair.decoding("distilled", torch.float32)
    torch.testing.assert_close(logits(merged), distilled, rtol=1e-3, atol=1e-3)
    assert not any("lora" in name for name, _ in merged.named_modules())
    assert torch.equal(logits(pair.decoding("base", torch.float32)), base)
    assert pair.decoding("base", torch.bfloat16).dtype == torch.bfloat16
    # Merging and casting happened to copies.
    with pair.scoring("base") as model:
        assert torch.equal(logits(model), base)
    with pair.scoring("distilled") as model:
        assert torch.equal(logits(model), distilled)


def test_no_adapter(student: StudentProfile, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"adapter_model.safetensors: no adapter there; run `dvc repro train`"):
        check_adapter(tmp_path, student)


def test_another_base(student: StudentProfile, folder: Path) -> None:
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "other@1"}))
    with pytest.raises(InputError, match=r"was trained on other@1, and params.yaml selects .*run `dvc repro train`"):
        Pair(student, folder)


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_corrupt_configuration(student: StudentProfile, folder: Path, text: str) -> None:
    (folder / "adapter_config.json").write_text(text)
    with pytest.raises(InputError, match=r"adapter_config.json: .*run"):
        Pair(student, folder)


def test_corrupt_weights(student: StudentProfile, folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"the adapter cannot be loaded .*run `dvc repro train`") as caught:
        Pair(student, folder)
    assert "\n" not in str(caught.value)


def test_weights_that_are_missing_are_not_taken_for_zero(student: StudentProfile, folder: Path) -> None:
    weights = load_file(folder / "adapter_model.safetensors")
    weights.pop(sorted(weights)[0])
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"the adapter cannot be loaded .*missing adapter keys"):
        Pair(student, folder)
