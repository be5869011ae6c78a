"""measure: what names an evaluation's kept results, and that a prompt is answered whatever is scored."""

from dataclasses import replace
from pathlib import Path

import pytest

import tiny
from distill.common.jsonl import Row
from distill.generate import measure
from distill.generate.cache import Store
from distill.generate.decode import Decoding
from distill.generate.measure import Measurement
from distill.generate.questions import Question
from distill.student.chat import Encoded

SCORED = Question((4, 5), 2, Encoded((4, 5, 6, 1), 2))
CUT_OFF = Question((7, 8, 9), 1, None, "max_tokens")


@pytest.fixture
def job(tmp_path: Path) -> Measurement:
    student = tiny.student(tmp_path / "student")
    adapter = tiny.adapter(tmp_path / "adapter", student)
    decoding = Decoding(max_new_tokens=8, samples=1, temperature=0.8, seed=1, batch_tokens=256)
    return Measurement(student, adapter, tiny.tokenizer(), [SCORED], decoding, "float32", 64)


def test_the_key_changes_with_what_is_measured(job: Measurement) -> None:
    keys = {measure.key(job)}
    assert measure.key(job) in keys
    for other in (
        replace(job, questions=[Question((4, 5), 2, Encoded((4, 5, 7, 1), 2))]),
        replace(job, questions=[replace(SCORED, example=None)]),
        replace(job, decoding=replace(job.decoding, seed=2)),
        replace(job, dtype="bfloat16"),
    ):
        keys.add(measure.key(other))
    assert job.adapter
    weights = job.adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    keys.add(measure.key(job))
    keys.add(measure.key(replace(job, adapter=None)))
    assert len(keys) == 7


def test_the_base_s_key_does_not_depend_on_the_adapter(job: Measurement) -> None:
    base = replace(job, adapter=None)
    first = measure.key(base)
    assert job.adapter
    (job.adapter / "adapter_model.safetensors").write_bytes(b"x")
    assert measure.key(base) == first


def test_other_weights_in_the_same_directory_are_another_evaluation(job: Measurement) -> None:
    first = measure.key(job)
    tiny.model(seed=1).save_pretrained(job.student.name)
    assert measure.key(job) != first


def measured(job: Measurement) -> list[Row]:
    with Store(measure.key(job)) as store:
        return list(measure.measure(job, store))


@pytest.mark.parametrize("side", ["base", "distilled"])
def test_a_prompt_without_a_scored_answer_is_answered_and_has_no_likelihood(
    job: Measurement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    monkeypatch.chdir(tmp_path)
    job = replace(job, adapter=job.adapter if side == "distilled" else None)
    alone, together, unscored = (
        measured(replace(job, questions=questions)) for questions in ([SCORED], [CUT_OFF, SCORED, CUT_OFF], [CUT_OFF])
    )
    assert job.side == side
    assert [row["likelihood"] for row in together] == [None, alone[0]["likelihood"], None]
    assert [len(row["answers"]) for row in together] == [2, 2, 2]
    assert together[0]["answers"] == unscored[0]["answers"]
    assert unscored[0]["likelihood"] is None
