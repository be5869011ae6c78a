"""distill.generate.memory: what answers and likelihoods take, by hand; what can be changed; asked before it loads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from distill.common.errors import InputError
from distill.generate import decode, measure
from distill.generate.cache import Store
from distill.generate.decode import Decoding
from distill.generate.measure import Measurement
from distill.generate.memory import Plan
from distill.generate.questions import Question
from distill.shared import device
from distill.shared.memory import Size
from distill.student.chat import Encoded
from distill.student.model import StudentProfile

SIZE = Size.of(tiny.model().config)
FP32, BF16 = torch.float32, torch.bfloat16
READING = 3 * 96 + 3 * 64 + 4 * 64
"""Numbers a token that are at work while prompts are read."""


def plan(**changes: Any) -> Plan:
    """Four prompts of 10 tokens, answers of 20: by twos, or all in a batch."""
    decoding = Decoding(max_new_tokens=20, samples=0, temperature=1.0, seed=0, batch_tokens=60)
    return replace(Plan(SIZE, BF16, [[4] * 10] * 4, decoding, [30, 20], 64), **changes)


def test_batches_that_run_side_by_side_add_up(pretend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    # Two rows of 30 places: 2 layers, keys and values of 2 · 16; logits of 64 words, and what is chosen from them.
    batch = 60 * 2 * 2 * 32 * 2 + 20 * READING * 2 + 2 * 2 * 64 * 4
    scores = 60 * READING * 2 + 2 * 128 * 64 * 4
    pretend("cuda", "cuda")
    assert plan().need() == SIZE.weights(BF16) + max(batch, scores)
    many = plan(decoding=replace(plan().decoding, batch_tokens=120))
    assert many.need() == SIZE.weights(BF16) + max(2 * batch, scores)
    assert plan(lengths=[]).need() == SIZE.weights(BF16) + batch
    pretend("cpu")
    assert plan(lengths=[]).need() == SIZE.weights(BF16) + 2 * batch
    # Three batches of likelihoods, as the examples do not fit into two.
    scores = (30 + 30 + 20) * READING * 2 + 3 * 2 * 128 * 64 * 4
    assert plan(lengths=[30, 30, 20], score_tokens=30).need() == SIZE.weights(BF16) + max(2 * batch, scores)


@pytest.mark.parametrize(
    ("kind", "bf16", "half"), [("cuda", "cuda", "bfloat16"), ("cuda", None, "float16"), ("cpu", None, "bfloat16")]
)
def test_what_can_be_changed(kind: str, bf16: str | None, half: str, pretend: Any, monkeypatch: Any) -> None:
    pretend(kind, bf16)
    job = plan(dtype=FP32, decoding=replace(plan().decoding, batch_tokens=400), lengths=[])
    least = replace(job, decoding=replace(job.decoding, batch_tokens=50))
    monkeypatch.setattr(device, "free_memory", lambda: 1)
    fewer, narrower = job.changes()
    assert (fewer.words, fewer.need) == ("generate.batch_tokens to 50", least.need())  # a row is 30 tokens, not 25
    assert narrower.words == f"generate.dtype to {half}"
    assert narrower.need == replace(least, dtype=BF16).need() < fewer.need
    # No fewer than have to be.
    half_of_it = replace(job, decoding=replace(job.decoding, batch_tokens=200))
    monkeypatch.setattr(device, "free_memory", half_of_it.need)
    assert job.changes()[0].words in ("generate.batch_tokens to 200", f"generate.dtype to {half}")
    monkeypatch.setattr(device, "free_memory", lambda: 1e12)
    assert plan().changes() == []


def test_nothing_is_loaded_where_it_cannot_fit(
    student: StudentProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    questions = [Question((4, 5), 2, Encoded((4, 5, 6, 1), 2))]
    job = Measurement(student, None, tiny.tokenizer(), questions, plan().decoding, "float32", 64)

    def load(*_: Any) -> Any:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(measure, "load", load)
    monkeypatch.setattr(device, "free_memory", lambda: 100_000)
    with pytest.raises(InputError, match=r"^params\.yaml: generate: .*generate\.dtype to bf"), Store("k") as store:
        list(measure.measure(job, store))
    monkeypatch.setattr(device, "free_memory", lambda: 1e9)
    monkeypatch.setattr(measure, "load", lambda *_: torch.empty(2**55))
    with pytest.raises(InputError, match=r"out of memory; set generate\.dtype to bfloat16, or"), Store("k") as store:
        list(measure.measure(job, store))


def test_cuda_that_runs_out_while_answers_are_made_is_a_line(
    student: StudentProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nOf the allocated memory ...")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(decode._Batch, "step", step)
    job = Measurement(student, None, tiny.tokenizer(), [Question((4, 5), 2, None)], plan().decoding, "float32", 64)
    line = r"^params\.yaml: generate: [^\n]*out of memory; set generate\.dtype to bfloat16, or choose a [a-z ]*$"
    with pytest.raises(InputError, match=line), Store("k") as store:
        list(measure.measure(job, store))
