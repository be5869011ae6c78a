"""distill.measure: what names an evaluation's kept results."""

from dataclasses import replace
from pathlib import Path

import pytest

import tiny
from distill import measure
from distill.generate import Decoding
from distill.measure import Job
from distill.student import Encoded


@pytest.fixture
def job(tmp_path: Path) -> Job:
    student = tiny.student(tmp_path / "student")
    adapter = tiny.adapter(tmp_path / "adapter", student)
    decoding = Decoding(max_new_tokens=8, samples=1, temperature=0.8, seed=1, batch_tokens=256)
    return Job(student, adapter, None, [Encoded((4, 5, 6, 1), 2)], decoding, "float32", 64)


def test_the_key_changes_with_what_is_measured(job: Job) -> None:
    keys = {measure.key(job)}
    assert measure.key(job) in keys
    for other in (
        replace(job, examples=[Encoded((4, 5, 6, 1), 3)]),
        replace(job, decoding=replace(job.decoding, seed=2)),
        replace(job, dtype="bfloat16"),
    ):
        keys.add(measure.key(other))
    weights = job.adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    keys.add(measure.key(job))
    assert len(keys) == 5


def test_other_weights_in_the_same_directory_are_another_evaluation(job: Job) -> None:
    first = measure.key(job)
    tiny.model(seed=1).save_pretrained(job.student.name)
    assert measure.key(job) != first
