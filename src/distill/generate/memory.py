"""What a side's measurement takes of the device's memory, and what a person can change about it.

Counted are the weights, and beside them the larger of two: the batches of answers that are made side by side (their
key-value cache, and what is at work while their prompts are read), and the batches of likelihoods. docs/students.md
explains it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from distill.generate import decode, feed_forward, likelihood, threads
from distill.generate.decode import Decoding
from distill.shared import device
from distill.shared.memory import Change, Size


@dataclass(frozen=True)
class Plan:
    """What is measured of a student: answers to these prompts, and likelihoods of examples of these lengths."""

    size: Size
    dtype: torch.dtype
    prompts: Sequence[Sequence[int]]
    decoding: Decoding
    lengths: Sequence[int]
    score_tokens: int

    def need(self) -> float:
        """Return the bytes that it takes at most."""
        answers = [self._answers(batch) for batch in decode.plan(self.prompts, self.decoding)]
        scores = [self._scores(batch) for batch in likelihood.plan(self.lengths, self.score_tokens)]
        return self.size.weights(self.dtype) + max(map(_side_by_side, (answers, scores)))

    def changes(self) -> list[Change]:
        """Return what a person can change, the cheapest first, each on top of those before it."""
        return list(self._changes(device.free_memory()))

    def _changes(self, free: float) -> Iterator[Change]:
        plan, longest = self, max(map(len, self.prompts), default=0) + self.decoding.max_new_tokens
        while plan.need() > free and (fewer := plan.decoding.batch_tokens // 2) >= longest:
            plan = replace(plan, decoding=replace(plan.decoding, batch_tokens=fewer))
        if plan != self:
            yield Change(f"generate.batch_tokens to {plan.decoding.batch_tokens}", plan.need())
        if plan.dtype == torch.float32:
            half = "float16" if device.is_gpu() and not device.has_bf16() else "bfloat16"
            yield Change(f"generate.dtype to {half}", replace(plan, dtype=getattr(torch, half)).need())

    def _answers(self, batch: list[decode.Task]) -> float:
        rows, width = len(batch), max(len(task.ids) for task in batch)
        cache = self.size.cache(rows * (width + self.decoding.max_new_tokens), self.dtype)
        return cache + self._reading(rows * width) + 2 * rows * self.size.vocabulary * 4

    def _scores(self, batch: list[int]) -> float:
        tokens = len(batch) * self.lengths[batch[0]]  # the longest comes first
        return self._reading(tokens) + 2 * likelihood.CHUNK * self.size.vocabulary * 4

    def _reading(self, tokens: int) -> float:
        """Bytes at work in a layer that reads so many tokens.

        These are three vectors of its width, queries before and after they are rotated, keys and values for every
        head, and of a slice three vectors of the feed-forward part.
        """
        size = self.size
        widest = 3 * size.inner * min(tokens, feed_forward.TOKENS)
        return (tokens * (3 * size.width + 4 * size.queries) + widest) * self.dtype.itemsize


def _side_by_side(batches: list[float]) -> float:
    """Return what the largest batches take together that can be at work at the same time."""
    count, _ = threads.share(len(batches))
    return sum(sorted(batches)[-count:])
