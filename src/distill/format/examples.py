"""Teacher's answers on their way to the training data, and the counts of what became of them."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from distill.common.errors import InputError
from distill.common.jsonl import Row
from distill.shared.seen import Seen

REASONS = ("truncated", "refused", "unfinished", "empty", "broken_code", "duplicate", "near_duplicate", "near_heldout",
           "special_tokens", "unfit", "too_long")  # fmt: skip
"""Why an answer is left out; where several hold, the first counts."""
OPTIONAL = ("near_duplicate", "near_heldout")
"""Reasons that metrics speak of only if they are looked for."""
SURPLUS = "surplus"
"""With `verify`: another answer to the prompt is kept. An answer that does not do what it claims is `unverified`."""


@dataclass(frozen=True)
class Example:
    """One teacher's answer; `dropped` says why it does not get into the training data.

    Tokens are counted where an answer got so far as to be encoded; `problem` says in words why it could not be.
    `sketches` are those of its prompt and answer, if near-duplicates are looked for.
    """

    row: Row
    base: str
    tokens: int = 0
    answer_tokens: int = 0
    dropped: str | None = None
    problem: str | None = None
    sketches: tuple[Any, ...] = ()

    @property
    def answer(self) -> str:
        """The answer, however it is laid out."""
        return " ".join(self.row["completion"][0]["content"].split())


class Lengths:
    """Counts of the examples of one file."""

    def __init__(self) -> None:
        self.examples = self.base_prompts = self.answer_tokens = 0
        self._bases = Seen()
        self._lengths: Counter[int] = Counter()  # how many examples have so many tokens

    def count(self, example: Example) -> None:
        """Count one more."""
        self.examples += 1
        self.base_prompts += self._bases.add(example.base)
        self.answer_tokens += example.answer_tokens
        self._lengths[example.tokens] += 1

    def metrics(self) -> Row:
        """Return what metrics/format.json says of the file."""
        return {
            "examples": self.examples,
            "base_prompts": self.base_prompts,
            "tokens": sum(length * examples for length, examples in self._lengths.items()),
            "answer_tokens": self.answer_tokens,
            "tokens_min": min(self._lengths, default=0),
            "tokens_median": self._median(),
            "tokens_max": max(self._lengths, default=0),
        }

    def _median(self) -> float:
        lower, upper = (self._length_at(place) for place in ((self.examples - 1) // 2, self.examples // 2))
        return upper if self.examples % 2 or not self.examples else (lower + upper) / 2

    def _length_at(self, place: int) -> int:
        for length in sorted(self._lengths):
            place -= self._lengths[length]
            if place < 0:
                return length
        return 0


class Tally:
    """What metrics/format.json says; it is filled while the examples go by."""

    def __init__(self, near: bool = False) -> None:
        self.train, self.val = Lengths(), Lengths()
        self._dropped: dict[str, list[str]] = {name: [] for name in REASONS if near or name not in OPTIONAL}
        self._problem = ""  # the first that the student's chat format has: if no prompt fits, it is the same for all

    @property
    def kept(self) -> int:
        """How many examples were kept."""
        return self.train.examples + self.val.examples

    @property
    def answers(self) -> int:
        """How many answers there were."""
        return self.kept + sum(map(len, self._dropped.values()))

    def keep(self, example: Example, validation: bool) -> None:
        """Count an example that is kept."""
        (self.val if validation else self.train).count(example)

    def drop(self, example: Example, reason: str) -> None:
        """Count and list an answer that is left out."""
        self._dropped.setdefault(reason, []).append(example.row["id"])
        if example.problem and not self._problem:
            self._problem = f"; {example.row['id']}: {example.problem}"

    def check_enough(self, source: object, min_kept_share: float) -> None:
        """Find out whether enough is left.

        Raises:
            InputError: Less than the share `min_kept_share` of the answers is kept, or nothing to train on.
        """
        wanted = self.answers - len(self._dropped.get(SURPLUS, ()))
        if self.kept < max(1, min_kept_share * wanted):
            counts = ", ".join(
                f"{reason} {len(ids)}" for reason, ids in self._dropped.items() if ids and reason != SURPLUS
            )
            raise InputError(
                f"{source}: only {self.kept} of {wanted} answers can be trained on "
                f"({counts or 'there is none'}){self._problem}; fix the answers, or lower "
                "format.min_kept_share in params.yaml"
            )
        if not self.train.examples:
            raise InputError("params.yaml: format.val_share: no example is left to train on; lower it, or add prompts")

    def metrics(self) -> Row:
        """Return what metrics/format.json holds: counts, lengths in the student's tokens, and who was dropped why."""
        return {
            "answers": self.answers,
            "train": self.train.metrics(),
            "val": self.val.metrics(),
            "dropped": {reason: len(ids) for reason, ids in self._dropped.items()},
            "dropped_ids": {reason: ids for reason, ids in self._dropped.items() if ids},
        }
