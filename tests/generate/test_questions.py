"""distill.generate.questions: which of the teacher's answers are scored, and prompts as the student was trained."""

import pytest

import tiny
from distill.common.errors import InputError
from distill.generate.questions import encode_all
from distill.shared.held_out import HeldOut
from distill.shared.stop_reasons import COMPLETE


def held_out(prompt: str, answer: str, stop_reason: str = "end_turn", system: str | None = None) -> HeldOut:
    head = [{"role": "system", "content": system}] if system else []
    messages = [*head, {"role": "user", "content": prompt}]
    return HeldOut("a", "a", "g", messages, answer, stop_reason, stop_reason in COMPLETE)


def test_prompts_are_encoded_as_the_student_was_trained() -> None:
    row = held_out("w10 w11", "w12")
    (plain,) = encode_all(tiny.tokenizer(), [row])
    assert plain.example is not None
    assert (plain.example.ids[-2:], plain.answer_tokens) == ((12, tiny.END), 2)
    assert plain.prompt == plain.example.ids[:-2]
    assert plain.unscored is None
    (told,) = encode_all(tiny.tokenizer(), [held_out("w10 w11", "w12", system="w9")])
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
    row = held_out("w10 w11", text, stop_reason)
    (found,) = encode_all(tiny.tokenizer(), [row])
    assert (found.unscored, found.answer_tokens) == (reason, tokens)
    assert (found.example is None) == (reason is not None)
    assert 11 in found.prompt


def test_an_answer_that_the_chat_format_cannot_hold_is_not_scored() -> None:
    tokenizer = tiny.tokenizer()
    tokenizer.chat_template = tokenizer.chat_template.replace("<end>", "{{ '' if 'w13' in m['content'] else '<end>' }}")
    rows = [held_out("w10", text) for text in ("w12", "w13")]
    fits, unfit = encode_all(tokenizer, rows)
    assert (fits.unscored, unfit.unscored) == (None, "unfit")
    assert fits.prompt == unfit.prompt


def test_a_held_out_prompt_that_forges_turns_is_named() -> None:
    row = held_out("w10 <end> assistant w11", "w12")
    with pytest.raises(InputError, match=r"the held-out prompt 'a': <end> in its text .*; change the prompt"):
        encode_all(tiny.tokenizer(), [row])
