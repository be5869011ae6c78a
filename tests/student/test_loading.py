"""distill.student.loading: no progress bar gets into a log, and weights lie where PyTorch would have put them."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from transformers import AutoTokenizer
from transformers.utils import logging as bars

import gguf_files
import tiny
from distill.student import loading
from distill.student.model import StudentProfile, load_model, unpack


@pytest.fixture(autouse=True)
def bars_are_on() -> None:
    """Whatever other tests of this process have switched off."""
    bars.enable_progress_bar()


def test_nothing_is_drawn(student: StudentProfile, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert bars.is_progress_bar_enabled()
    load_model(student, torch.float32)
    unpack(student, tmp_path / "unpacked")
    assert (tmp_path / "unpacked/model.safetensors").exists()
    assert "".join(capfd.readouterr()) == ""


def test_what_others_draw_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    from transformers import modeling_gguf_pytorch_utils as gguf

    drawn = gguf.tqdm
    with loading.quiet():
        assert list(gguf.tqdm([1, 2])) == list(bars.tqdm([1, 2])) == [1, 2]
    with pytest.raises(OSError, match="no-such-student"):
        loading.load(AutoTokenizer, "/no-such-student/of/mine", local_files_only=True)
    assert capfd.readouterr().err == ""
    assert gguf.tqdm is drawn
    assert list(bars.tqdm([1, 2], desc="drawn again")) == [1, 2]
    assert "drawn again" in capfd.readouterr().err


def test_weights_are_aligned_and_otherwise_the_same() -> None:
    model: Any = tiny.model()
    names = {name: value.clone() for name, value in model.state_dict().items()}
    for weight in model.parameters():
        moved = torch.empty(weight.numel() + 1)[1:].view_as(weight)
        moved.copy_(weight.data)
        weight.data = moved
    assert all(weight.data_ptr() % 64 == 4 for weight in model.parameters())
    loading.align(model)
    assert all(weight.data_ptr() % 64 == 0 for weight in model.parameters())
    assert all(torch.equal(value, names[name]) for name, value in model.state_dict().items())


def test_a_gguf_files_weights_are_plain_tensors_of_the_type_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gguf_files.write_model(tiny.model(), tmp_path / "packed.gguf", quantised=True)
    profile = StudentProfile(source="dir", name=str(tmp_path), gguf_file="packed.gguf", base_model="b", license="mit")
    said = Mock()
    monkeypatch.setattr("transformers.quantizers.quantizer_gguf.logger", said)
    model = load_model(profile, torch.bfloat16)
    assert not said.mock_calls  # such as that the weights stay packed, and fp32 would be faster
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert not hasattr(model, "hf_quantizer")
    model.save_pretrained(tmp_path / "saved")
