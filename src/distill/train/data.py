"""Tokenise training examples: the ids that the model sees, and the labels that say which of them it is scored on.

In: rows as `distill.format` writes them. Out: `Examples`, each as long as its text: the trainer batches.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, overload

from distill.common.errors import InputError
from distill.common.jsonl import Row, read_jsonl
from distill.student.batch import encode_batch
from distill.student.chat import Unfit

LossOn = Literal["completion", "text"]
IGNORED = -100
"""The label of a token that does not count (PyTorch's `ignore_index`)."""
BATCH = 1_000


@dataclass(frozen=True)
class Tokens:
    """An example as the model sees it; `labels[i]` is `ids[i]` if that token is learned, else -100."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def trained(self) -> int:
        """How many tokens count in the loss; the first token of a sequence is predicted by nothing."""
        return len(self.labels[1:]) - self.labels[1:].count(IGNORED)


class Examples(Sequence[Tokens]):
    """Tokenised examples, in a file that is mapped into memory: the system reads what is asked for, and forgets it.

    The file (8 bytes a token) has no name, so that it goes with the process, however that ends. `dataset` is it as the
    trainer reads it; `tokens`, `trained` and `longest` are counts of tokens: all, those in the loss, the most in one.
    """

    def __init__(self, examples: Iterable[Tokens], folder: Path | None = None) -> None:
        """Write the examples to a file in `folder`, or where the system has its temporary files."""
        import pyarrow
        from datasets import Dataset

        self.tokens = self.trained = self.longest = 0
        rest = iter(examples)
        numbers = pyarrow.list_(pyarrow.int32())
        schema = pyarrow.schema({"input_ids": numbers, "labels": numbers})
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".examples-") as file:
            with pyarrow.ipc.new_stream(file, schema) as stream:
                while batch := list(islice(rest, BATCH)):
                    self._count(batch)
                    columns = [[each.ids for each in batch], [each.labels for each in batch]]
                    stream.write_batch(pyarrow.record_batch(columns, schema=schema))
            file.flush()
            self.dataset = Dataset.from_file(file.name)

    def _count(self, batch: list[Tokens]) -> None:
        self.tokens += sum(len(example.ids) for example in batch)
        self.trained += sum(example.trained for example in batch)
        self.longest = max(self.longest, *(len(example.ids) for example in batch))

    def __len__(self) -> int:
        return len(self.dataset)

    @overload
    def __getitem__(self, place: int) -> Tokens: ...
    @overload
    def __getitem__(self, place: slice) -> list[Tokens]: ...
    def __getitem__(self, place: int | slice) -> Tokens | list[Tokens]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        row = self.dataset[place]
        return Tokens(tuple(row["input_ids"]), tuple(row["labels"]))


def read_examples(path: Path, tokenizer: Any, loss_on: LossOn) -> Examples:
    """Return the examples of a JSONL file, tokenised.

    Raises:
        InputError: A row cannot be read or encoded, or has no token to learn.
    """
    return Examples(_examples(path, tokenizer, loss_on), path.parent)


def to_labels(ids: Sequence[int], prompt_tokens: int, loss_on: LossOn) -> tuple[int, ...]:
    """Return the labels of a sequence whose first `prompt_tokens` ids are the prompt's."""
    if loss_on == "text":
        return tuple(ids)
    return (IGNORED,) * prompt_tokens + tuple(ids[prompt_tokens:])


def _examples(path: Path, tokenizer: Any, loss_on: LossOn) -> Iterator[Tokens]:
    rows = read_jsonl(path, ("id", "prompt", "completion"))
    while batch := list(islice(rows, BATCH)):
        yield from _tokenised(batch, path, tokenizer, loss_on)


def _tokenised(rows: list[Row], path: Path, tokenizer: Any, loss_on: LossOn) -> Iterator[Tokens]:
    encoded = encode_batch(tokenizer, [(row["prompt"], row["completion"]) for row in rows])
    for row, found in zip(rows, encoded, strict=True):
        if isinstance(found, Unfit):
            raise InputError(f"{path}: {row['id']}: {found}; remake the file with `dvc repro format`")
        example = Tokens(found.ids, to_labels(found.ids, found.prompt_tokens, loss_on))
        if not example.trained:
            raise InputError(f"{path}: {row['id']}: no token to learn from; remake the file with `dvc repro format`")
        yield example
