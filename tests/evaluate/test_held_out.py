"""held_out: which rows are compared, what must not leak, and what a person is told of a file that is wrong."""

from pathlib import Path
from typing import Any

import pytest

import tiny
from distill.common.errors import InputError
from distill.common.jsonl import Row, write_jsonl
from distill.evaluate import held_out
from distill.evaluate.held_out import HeldOut, Training

PROMPTS, TEACHER, TRAIN = Path("prompts.jsonl"), Path("teacher.jsonl"), Path("train.jsonl")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def prompt(name: str, split: str = "heldout", **more: Any) -> Row:
    return {"id": name, "base": name, "group": "heldout-easy", "modifier": None, "split": split, "prompt": "P"} | more


def answer(name: str, split: str = "heldout", **more: Any) -> Row:
    row = {"id": name, "split": split, "prompt": f"Do {name}.", "completion": f"Did {name}.", "stop_reason": "end_turn"}
    return row | more


def write(prompts: list[Row], answers: list[Row]) -> None:
    write_jsonl(PROMPTS, prompts)
    write_jsonl(TEACHER, answers)


def test_held_out_rows_in_the_teachers_order_one_answer_each() -> None:
    write(
        [prompt("a"), prompt("b", group="heldout-hard"), prompt("t", "train")],
        [
            answer("t", "train"), answer("b", stop_reason="max_tokens"),
            answer("b", completion="again", sample=1), answer("a", completion="\n\nDid a.\n"),
        ],
    )  # fmt: skip
    assert held_out.read(PROMPTS, TEACHER) == [
        HeldOut("b", "b", "heldout-hard", "Do b.", "Did b.", "max_tokens"),
        HeldOut("a", "a", "heldout-easy", "Do a.", "Did a.", "end_turn"),
    ]


@pytest.mark.parametrize(
    ("prompts", "answers", "words"),
    [
        ([prompt("a"), prompt("b")], [answer("a")], "teacher.jsonl: no answer to the held-out prompt 'b'; run"),
        ([prompt("a"), prompt("b"), prompt("c")], [answer("b")], "held-out prompt 'a' and 1 more; run"),
        ([prompt("a")], [answer("a"), answer("x")], "the id 'x' is not in prompts.jsonl; run `dvc repro`"),
        ([prompt("a")], [answer("a")], "1 held-out prompts, and two are the least.*raise expand_prompts.max_heldout"),
        ([prompt("t", "train")], [answer("t", "train")], "0 held-out prompts"),
        ([{"id": "a"}], [answer("a")], "prompts.jsonl:1: the key 'base' is missing"),
        ([prompt("a")], [{"id": "a"}], "teacher.jsonl:1: the key 'split' is missing"),
    ],
)
def test_what_cannot_be_compared(prompts: list[Row], answers: list[Row], words: str) -> None:
    write(prompts, answers)
    with pytest.raises(InputError, match=words):
        held_out.read(PROMPTS, TEACHER)


def test_a_file_that_is_missing() -> None:
    with pytest.raises(InputError, match=r"prompts.jsonl: no such file; run the stage that writes it"):
        held_out.read(PROMPTS, TEACHER)


def training_row(*head: dict[str, str]) -> Row:
    messages = [*head, {"role": "user", "content": "Sort a list."}]
    return {"id": "t", "prompt": messages, "completion": [{"role": "assistant", "content": "Use sorted."}]}


def test_training_texts_and_the_system_prompt_that_the_student_knows() -> None:
    write_jsonl(TRAIN, [training_row()])
    rows = [{"id": "t", "prompt": "Sort a list.", "completion": "Use sorted."}]
    assert held_out.read_training(TRAIN) == Training(rows, None)
    write_jsonl(TRAIN, [training_row({"role": "system", "content": "w9"})])
    assert held_out.read_training(TRAIN) == Training(rows, "w9")
    write_jsonl(TRAIN, [])
    with pytest.raises(InputError, match=r"train.jsonl: no training example"):
        held_out.read_training(TRAIN)


def test_prompts_are_encoded_as_the_student_was_trained() -> None:
    row = HeldOut("a", "a", "g", "w10 w11", "w12", "end_turn")
    (plain,) = held_out.encode_all(tiny.tokenizer(), [row], None)
    assert plain.example is not None
    assert (plain.example.ids[-2:], plain.answer_tokens) == ((12, tiny.END), 2)
    assert plain.prompt == plain.example.ids[:-2]
    assert plain.unscored is None
    (told,) = held_out.encode_all(tiny.tokenizer(), [row], "w9")
    assert 9 in told.prompt
    assert told.answer_tokens == 2


@pytest.mark.parametrize(
    ("text", "stop_reason", "reason", "tokens"),
    [
        ("w12 w13", "end_turn", None, 3),
        ("w12 w13", "stop_sequence", None, 3),
        ("w12 w13", "max_tokens", "max_tokens", 2),  # the teacher gave no end of turn
        ("", "refusal", "refusal", 0),
        ("w12 <end> user w13", "end_turn", "special_tokens", 4),
    ],
)
def test_answers_whose_likelihood_has_no_meaning(text: str, stop_reason: str, reason: str | None, tokens: int) -> None:
    row = HeldOut("a", "a", "g", "w10 w11", text, stop_reason)
    (found,) = held_out.encode_all(tiny.tokenizer(), [row], None)
    assert (found.unscored, found.answer_tokens) == (reason, tokens)
    assert (found.example is None) == (reason is not None)
    assert 11 in found.prompt


def test_an_answer_that_the_chat_format_cannot_hold_is_not_scored() -> None:
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = tokenizer.chat_template.replace("<end>", "{{ '' if 'w13' in m['content'] else '<end>' }}")
    rows = [HeldOut("a", "a", "g", "w10", text, "end_turn") for text in ("w12", "w13")]
    fits, unfit = held_out.encode_all(tokenizer, rows, None)
    assert (fits.unscored, unfit.unscored) == (None, "unfit")
    assert fits.prompt == unfit.prompt


def test_a_held_out_prompt_that_forges_turns_is_named() -> None:
    row = HeldOut("a", "a", "g", "w10 <end> assistant w11", "w12", "end_turn")
    with pytest.raises(InputError, match=r"the held-out prompt 'a': <end> in its text .*; change the prompt"):
        held_out.encode_all(tiny.tokenizer(), [row], None)


def test_a_leak_is_refused_at_the_limit_and_named() -> None:
    texts = {"a": "One two three four", "b": "Five"}
    rows = [HeldOut(name, name, "g", text, "nothing", "end_turn") for name, text in texts.items()]
    training = Training([{"id": "t", "prompt": "x", "completion": "zero, one two THREE four!"}], None)
    report = held_out.check_leakage(rows, training, 5)
    assert report.metrics() == {"longest_run": 4, "limit": 5}
    words = (
        r"1 held-out texts share 4 words.*a/prompt: 4 words of t/completion \('one two three four'\); change or remove"
    )
    with pytest.raises(InputError, match=words):
        held_out.check_leakage(rows, training, 4)
