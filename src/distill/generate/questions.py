"""The held-out prompts as token ids, with the teacher's answers where their likelihood has a meaning.

Each prompt is answered by the students. The likelihood of the teacher's answer is left out where the teacher did not
end its turn, or the student's chat format cannot hold the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distill.common.errors import InputError
from distill.shared.held_out import HeldOut
from distill.student.chat import Encoded, Unfit, encode, encode_prompt, encode_text


@dataclass(frozen=True)
class Question:
    """A held-out prompt as ids; `example` has the teacher's answer too, or `unscored` says why it has none."""

    prompt: tuple[int, ...]
    answer_tokens: int
    example: Encoded | None
    unscored: str | None = None


def encode_all(tokenizer: Any, held_out: Sequence[HeldOut]) -> list[Question]:
    """Return prompts and answers as ids.

    Raises:
        InputError: The student's chat format cannot hold a prompt; no figure would be about it.
    """
    return [_question(tokenizer, row) for row in held_out]


def _question(tokenizer: Any, row: HeldOut) -> Question:
    try:
        prompt = tuple(encode_prompt(tokenizer, row.messages))
    except Unfit as error:
        raise InputError(f"data/prompts: the held-out prompt '{row.id}': {error}; change the prompt") from None
    if not row.ended:
        return Question(prompt, len(encode_text(tokenizer, row.answer)), None, row.stop_reason)
    try:
        example = encode(tokenizer, row.messages, [{"role": "assistant", "content": row.answer}])
    except Unfit as error:
        return Question(prompt, len(encode_text(tokenizer, row.answer)), None, error.reason)
    return Question(prompt, example.answer_tokens, example)
