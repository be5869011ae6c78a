"""distill.batching: which tokens are learned."""

from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from distill.batching import IGNORED, Tokens, read_examples, to_labels
from distill.config import profile
from distill.errors import InputError
from distill.jsonl import write_jsonl
from distill.student import StudentProfile, load_tokenizer
from training import rows


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(profile(StudentProfile, "student", ROOT / "params.yaml")[1])


def test_labels_by_hand() -> None:
    assert to_labels([7, 8, 9, 2], 2, "completion") == (IGNORED, IGNORED, 9, 2)
    assert to_labels([7, 8, 9, 2], 2, "text") == (7, 8, 9, 2)


def test_the_first_token_of_a_text_is_predicted_by_nothing() -> None:
    assert Tokens("a", (7, 8, 9), (7, 8, 9)).trained == 2
    assert Tokens("a", (7, 8, 9), (IGNORED, 8, 9)).trained == 2


def test_the_answer_and_its_end_of_turn_are_learned_and_nothing_else(tmp_path: Path, tokenizer: Any) -> None:
    write_jsonl(tmp_path / "train.jsonl", rows(1, start=3))
    (example,) = read_examples(tmp_path / "train.jsonl", tokenizer, "completion")
    learned = [label for label in example.labels if label != IGNORED]
    assert tokenizer.decode(learned) == "1 2 3 4 5<|im_end|>"
    assert example.ids[-len(learned) :] == tuple(learned)
    assert example.trained == len(learned)


def test_the_whole_text_on_demand(tmp_path: Path, tokenizer: Any) -> None:
    write_jsonl(tmp_path / "train.jsonl", rows(1))
    (example,) = read_examples(tmp_path / "train.jsonl", tokenizer, "text")
    assert example.labels == example.ids


def test_an_example_that_cannot_be_encoded_is_named(tmp_path: Path, tokenizer: Any) -> None:
    broken = {"id": "odd", "prompt": [{"role": "user", "content": "Hi."}], "completion": []}
    write_jsonl(tmp_path / "train.jsonl", [broken])
    with pytest.raises(InputError, match=r"train\.jsonl: odd: "):
        read_examples(tmp_path / "train.jsonl", tokenizer, "completion")
