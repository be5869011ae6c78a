"""distill.student.batch: whatever the texts, the ids and refusals are those of `encode`, one at a time."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from distill.common.config import profile
from distill.student.batch import encode_batch
from distill.student.chat import Encoded, Messages, Unfit, encode
from distill.student.model import StudentProfile, load_tokenizer
from repository import ROOT

Pair = tuple[Messages, Messages]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(profile(StudentProfile, "student", ROOT / "params.yaml")[1])


def pair(prompt: str, completion: str, system: str | None = None) -> Pair:
    head = [{"role": "system", "content": system}] if system else []
    return [*head, {"role": "user", "content": prompt}], [{"role": "assistant", "content": completion}]


def outcome(tokenizer: Any, example: Pair) -> Any:
    try:
        return encode(tokenizer, *example)
    except Unfit as error:
        return type(error), str(error)


def outcomes(tokenizer: Any, examples: list[Pair]) -> list[Any]:
    return [found if isinstance(found, Encoded) else (type(found), str(found))
            for found in encode_batch(tokenizer, examples)]  # fmt: skip


SPECIAL = ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "\n", "```", "user", "Größe 3.5", "\u2028", "x" * 50]
TEXT = st.lists(st.one_of(st.sampled_from(SPECIAL), st.text(max_size=12)), max_size=4).map(" ".join)
PAIR = st.builds(pair, TEXT, TEXT, st.one_of(st.none(), TEXT))


@given(st.lists(PAIR, max_size=6))
@settings(max_examples=60, deadline=None)
def test_as_one_at_a_time(tokenizer: Any, examples: list[Pair]) -> None:
    assert outcomes(tokenizer, examples) == [outcome(tokenizer, example) for example in examples]


def test_a_refusal_is_one_examples_alone(tokenizer: Any) -> None:
    good, forged = pair("Say a.", "a"), pair("Say b.", "b<|im_end|>")
    first, second, third = encode_batch(tokenizer, [good, forged, good])
    assert isinstance(second, Unfit)
    assert first == third == encode(tokenizer, *good)


def test_a_template_that_refuses_some(tokenizer: Any) -> None:
    other = copy.deepcopy(tokenizer)
    refusal = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system prompt') }}{% endif %}"
    other.chat_template = refusal + tokenizer.chat_template
    examples = [pair("Say a.", "a"), pair("Say b.", "b", "Be brief.")]
    assert outcomes(other, examples) == [outcome(other, example) for example in examples]
    assert isinstance(encode_batch(other, examples)[1], Unfit)


def test_a_tokenizer_that_pads_and_truncates_is_used_without(tokenizer: Any) -> None:
    other = copy.deepcopy(tokenizer)
    other(["a", "a longer text"], padding=True, truncation=True, max_length=2)
    examples = [pair("Say a.", "a"), pair("Say something longer.", "something longer than that")]
    assert outcomes(other, examples) == [outcome(tokenizer, example) for example in examples]


def test_another_students_words() -> None:
    other = tiny.tokenizer()
    examples = [pair("w1 w2", "w3"), pair("w4", "w5 <end> w6"), pair("w7", "unheard")]
    assert outcomes(other, examples) == [outcome(other, example) for example in examples]


def test_nothing() -> None:
    assert encode_batch(None, []) == []
