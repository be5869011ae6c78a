"""distill.merge: a plain Hugging Face model that says what base and adapter say together."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import tiny
from distill.common.errors import InputError
from distill.generate.models import load
from distill.merge import merge
from distill.student.model import StudentProfile
from tiny import logits


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.1)])
def test_the_merged_model_needs_no_adapter(
    student: StudentProfile, adapter: Path, tmp_path: Path, dtype: str, tolerance: float
) -> None:
    merge(student, adapter, tmp_path / "merged", dtype)
    expected = logits(load(student, adapter, torch.float32))
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert loaded.dtype == getattr(torch, dtype)
    torch.testing.assert_close(logits(loaded).float(), expected, rtol=tolerance, atol=tolerance)
    assert (logits(loaded).float() - logits(tiny.model())).abs().max() > 0.1
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").chat_template == tiny.TEMPLATE
    assert not list((tmp_path / "merged").glob("adapter*"))
    assert len({path.stat().st_mode for path in (tmp_path / "merged").iterdir()}) == 1


def test_another_students_adapter(adapter: Path, tmp_path: Path) -> None:
    other = tiny.student(tmp_path / "other")
    with pytest.raises(InputError, match="run `dvc repro train`, or select that student"):
        merge(other, adapter, tmp_path / "merged", "float32")
    assert not (tmp_path / "merged").exists()
