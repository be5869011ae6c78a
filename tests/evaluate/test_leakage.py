"""distill.evaluate.leakage: what must not leak, and what a person is told of a training file that is wrong."""

from pathlib import Path

import pytest

from distill.common.errors import InputError
from distill.common.jsonl import Row, write_jsonl
from distill.evaluate.leakage import compare, read_training
from distill.shared.held_out import HeldOut

TRAIN = Path("train.jsonl")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def training_row(*head: dict[str, str]) -> Row:
    messages = [*head, {"role": "user", "content": "Sort a list."}]
    return {"id": "t", "prompt": messages, "completion": [{"role": "assistant", "content": "Use sorted."}]}


@pytest.mark.parametrize("head", [[], [{"role": "system", "content": "w9"}]])
def test_training_texts_without_the_system_prompt(head: list[dict[str, str]]) -> None:
    write_jsonl(TRAIN, [training_row(*head)])
    assert list(read_training(TRAIN)) == [{"id": "t", "prompt": "Sort a list.", "completion": "Use sorted."}]


def test_nothing_to_train_on() -> None:
    write_jsonl(TRAIN, [])
    with pytest.raises(InputError, match=r"train.jsonl: no training example"):
        list(read_training(TRAIN))


def test_a_leak_is_refused_at_the_limit_and_named() -> None:
    texts = {"a": "One two three four", "b": "Five"}
    messages = {name: [{"role": "user", "content": text}] for name, text in texts.items()}
    rows = [HeldOut(name, name, "g", messages[name], "nothing", "end_turn", True) for name in texts]
    trained = {"id": "t", "prompt": [{"role": "user", "content": "x"}],
               "completion": [{"role": "assistant", "content": "zero, one two THREE four!"}]}  # fmt: skip
    write_jsonl(TRAIN, [trained])
    answers = {"base": ["x", "Two three."], "teacher": ["nothing", "zero"]}
    shared = compare(rows, answers, TRAIN, 5)
    assert shared.report.metrics() == {"longest_run": 4, "limit": 5}
    assert shared.copied == {"base": [0, 2], "teacher": [0, 1]}
    words = (
        r"1 held-out texts share 4 words.*a/prompt: 4 words of t/completion \('one two three four'\); change or remove"
    )
    with pytest.raises(InputError, match=words):
        compare(rows, answers, TRAIN, 4)
