"""measure: what names an evaluation's kept results, and that a prompt is answered whatever is scored."""

from dataclasses import replace
from pathlib import Path

import pytest

import tiny
from distill.evaluate.held_out import Question
from distill.generate import measure
from distill.generate.cache import Store
from distill.generate.decode import Decoding
from distill.generate.measure import Job, Measured
from distill.student.chat import Encoded

SCORED = Question((4, 5), 2, Encoded((4, 5, 6, 1), 2))
CUT_OFF = Question((7, 8, 9), 1, None, "max_tokens")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    student = tiny.student(tmp_path / "student")
    adapter = tiny.adapter(tmp_path / "adapter", student)
    decoding = Decoding(max_new_tokens=8, samples=1, temperature=0.8, seed=1, batch_tokens=256)
    return Job(student, adapter, tiny.tokenizer(), [SCORED], decoding, "float32", 64)


def test_the_key_changes_with_what_is_measured(job: Job) -> None:
    keys = {measure.key(job)}
    assert measure.key(job) in keys
    for other in (
        replace(job, questions=[Question((4, 5), 2, Encoded((4, 5, 7, 1), 2))]),
        replace(job, questions=[replace(SCORED, example=None)]),
        replace(job, decoding=replace(job.decoding, seed=2)),
        replace(job, dtype="bfloat16"),
    ):
        keys.add(measure.key(other))
    weights = job.adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    keys.add(measure.key(job))
    assert len(keys) == 6


def test_other_weights_in_the_same_directory_are_another_evaluation(job: Job) -> None:
    first = measure.key(job)
    tiny.model(seed=1).save_pretrained(job.student.name)
    assert measure.key(job) != first


def measured(job: Job) -> Measured:
    with Store(measure.key(job)) as store:
        return measure.measure(job, store)


def test_a_prompt_without_a_scored_answer_is_answered_and_has_no_likelihood(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    alone, together, unscored = (
        measured(replace(job, questions=questions)) for questions in ([SCORED], [CUT_OFF, SCORED, CUT_OFF], [CUT_OFF])
    )
    assert together.likelihoods() == [None, *alone.likelihoods(), None]
    assert [len(answers) for answers in together.answers["base"]] == [2, 2, 2]
    assert together.answers["distilled"][0] == unscored.answers["distilled"][0]
    assert unscored.likelihoods() == [None]
