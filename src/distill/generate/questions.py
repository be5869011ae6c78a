"""The held-out prompts as token ids, with the teacher's answers where their likelihood has a meaning.

Each prompt is answered by the students. The likelihood of the teacher's answer is left out where the teacher did not
end its turn, or the student's chat format cannot hold the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distill.common.errors import InputError
from distill.shared.held_out import HeldOut
from distill.student.batch import encode_batch
from distill.student.chat import Encoded, Unfit, encode_prompt, encode_text


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
    answered = [(row.messages, [{"role": "assistant", "content": row.answer}]) for row in held_out]
    return [_question(tokenizer, *pair) for pair in zip(held_out, encode_batch(tokenizer, answered), strict=True)]


def _question(tokenizer: Any, row: HeldOut, example: Encoded | Unfit) -> Question:
    try:
        prompt = tuple(encode_prompt(tokenizer, row.messages))
    except Unfit as error:
        raise InputError(f"data/prompts: the held-out prompt '{row.id}': {error}; change the prompt") from None
    if not row.ended:
        return Question(prompt, len(encode_text(tokenizer, row.answer)), None, row.stop_reason)
    if isinstance(example, Unfit):
        return Question(prompt, len(encode_text(tokenizer, row.answer)), None, example.reason)
    return Question(prompt, example.answer_tokens, example)
