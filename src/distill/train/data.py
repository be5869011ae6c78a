"""Tokenise training examples: the ids that the model sees, and the labels that say which of them it is scored on.

In: rows as `distill.format` writes them. Out: `Tokens`, one an example, as long as its text: the trainer batches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from distill.common.errors import InputError
from distill.common.jsonl import read_jsonl
from distill.student.chat import encode

LossOn = Literal["completion", "text"]
IGNORED = -100
"""The label of a token that does not count (PyTorch's `ignore_index`)."""


@dataclass(frozen=True)
class Tokens:
    """An example as the model sees it; `labels[i]` is `ids[i]` if that token is learned, else -100."""

    id: str
    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def trained(self) -> int:
        """How many tokens count in the loss; the first token of a sequence is predicted by nothing."""
        return sum(label != IGNORED for label in self.labels[1:])


def read_examples(path: Path, tokenizer: Any, loss_on: LossOn) -> list[Tokens]:
    """Return the examples of a JSONL file, tokenised.

    Raises:
        InputError: A row cannot be read or encoded, or has no token to learn.
    """
    return list(_examples(path, tokenizer, loss_on))


def to_labels(ids: Sequence[int], prompt_tokens: int, loss_on: LossOn) -> tuple[int, ...]:
    """Return the labels of a sequence whose first `prompt_tokens` ids are the prompt's."""
    if loss_on == "text":
        return tuple(ids)
    return (IGNORED,) * prompt_tokens + tuple(ids[prompt_tokens:])


def _examples(path: Path, tokenizer: Any, loss_on: LossOn) -> Iterator[Tokens]:
    for row in read_jsonl(path, ("id", "prompt", "completion")):
        try:
            encoded = encode(tokenizer, row["prompt"], row["completion"])
        except InputError as error:
            raise InputError(f"{path}: {row['id']}: {error}; remake the file with `dvc repro format`") from None
        example = Tokens(row["id"], encoded.ids, to_labels(encoded.ids, encoded.prompt_tokens, loss_on))
        if not example.trained:
            raise InputError(f"{path}: {row['id']}: no token to learn from; remake the file with `dvc repro format`")
        yield example
