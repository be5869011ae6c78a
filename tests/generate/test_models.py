"""models: one loading, two sides; switching leaves every weight's bytes alone; wrong adapters are refused."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import tiny
from distill.common.errors import InputError
from distill.generate.models import as_side, check_adapter, load, merge
from distill.student.model import StudentProfile
from tiny import logits


@pytest.fixture
def folder(adapter: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(adapter, tmp_path / "adapter"))


def digests(model: Any) -> dict[str, str]:
    """The bytes of every parameter, hashed."""
    return {
        name: hashlib.sha256(weight.detach().view(torch.uint8).numpy().tobytes()).hexdigest()
        for name, weight in model.named_parameters()
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_set_of_weights_answers_as_both_sides_and_keeps_its_bytes(
    student: StudentProfile, adapter: Path, dtype: torch.dtype
) -> None:
    model = load(student, adapter, dtype)
    before = digests(model)
    with as_side(model, "base"):
        base = logits(model)
    distilled = logits(model)
    assert torch.equal(base, logits(load(student, None, dtype)))
    assert base.dtype == distilled.dtype == torch.float32
    assert (distilled - base).abs().max() > 0.1
    with as_side(model, "distilled"):
        assert torch.equal(logits(model), distilled)
    with as_side(model, "base"):
        assert torch.equal(logits(model), base)
    assert digests(model) == before
    frozen = {name: weight for name, weight in model.named_parameters() if "lora_" not in name}
    assert {weight.dtype for weight in frozen.values()} == {dtype}
    tolerance = 1e-4 if dtype == torch.float32 else 0.3
    torch.testing.assert_close(base, logits(tiny.model()), rtol=tolerance, atol=tolerance)


def test_merging_makes_the_plain_model_in_the_same_memory(student: StudentProfile, adapter: Path) -> None:
    model = load(student, adapter, torch.float32)
    distilled = logits(model)
    untouched = {name: weight.data_ptr() for name, weight in model.get_base_model().named_parameters()
                 if "q_proj" not in name and "v_proj" not in name}  # fmt: skip
    merged = merge(model)
    torch.testing.assert_close(logits(merged), distilled, rtol=1e-3, atol=1e-3)
    assert not any("lora" in name for name, _ in merged.named_modules())
    assert untouched == {name: weight.data_ptr() for name, weight in merged.named_parameters() if name in untouched}
    plain = load(student, None, torch.float32)
    assert merge(plain) is plain


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_merged_weight_is_rounded_once(student: StudentProfile, adapter: Path, dtype: torch.dtype) -> None:
    weights = {name: weight.detach() for name, weight in merge(load(student, adapter, dtype)).named_parameters()}
    parts = load_file(adapter / "adapter_model.safetensors")
    base = load(student, None, dtype)
    for name, weight in base.named_parameters():
        place = f"base_model.model.{name.removesuffix('.weight')}"
        expected = weight.detach().float()
        if f"{place}.lora_A.weight" in parts:  # scaled by alpha / r: 8 / 4
            expected = expected + (parts[f"{place}.lora_B.weight"] @ parts[f"{place}.lora_A.weight"]) * 2
        assert torch.equal(weights[name], expected.to(dtype)), name


def test_an_adapter_that_is_not_finite(student: StudentProfile, folder: Path) -> None:
    weights = load_file(folder / "adapter_model.safetensors")
    weights[sorted(weights)[0]].fill_(torch.inf)
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="the adapter's weights are not finite; run `dvc repro train`"):
        merge(load(student, folder, torch.float32))


def test_no_adapter(student: StudentProfile, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"adapter_model.safetensors: no adapter there; run `dvc repro train`"):
        check_adapter(tmp_path, student)


def test_another_base(student: StudentProfile, folder: Path) -> None:
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "other@1"}))
    with pytest.raises(InputError, match=r"was trained on other@1, and params.yaml selects .*run `dvc repro train`"):
        load(student, folder, torch.float32)


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_corrupt_configuration(student: StudentProfile, folder: Path, text: str) -> None:
    (folder / "adapter_config.json").write_text(text)
    with pytest.raises(InputError, match=r"adapter_config.json: .*run"):
        load(student, folder, torch.float32)


def test_corrupt_weights(student: StudentProfile, folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"the adapter cannot be loaded .*run `dvc repro train`") as caught:
        load(student, folder, torch.float32)
    assert "\n" not in str(caught.value)


def test_weights_that_are_missing_are_not_taken_for_zero(student: StudentProfile, folder: Path) -> None:
    weights = load_file(folder / "adapter_model.safetensors")
    weights.pop(sorted(weights)[0])
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"the adapter cannot be loaded .*missing adapter keys"):
        load(student, folder, torch.float32)
