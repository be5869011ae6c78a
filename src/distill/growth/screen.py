"""Which new prompts are worth having: not those that are near a held-out prompt, a training prompt, or each other.

Two texts are as near as their pairs of neighbouring words (`evaluate/overlap.py` says what a word is): the pairs that
they share over the pairs in either (Jaccard), and 1 where the new text has all pairs of the known one. Of the prompts
in this repository no two are nearer than 0.28, and no training prompt is nearer to a held-out one than 0.12;
paraphrases of them come to 0.3 to 0.5. So near twins are TWIN. Held-out prompts must not be trained on, so there much
less is too near (CONTAMINATED), and so is the name of the function or class that one asks for, or a run of words as
long as `evaluate` refuses. A paraphrase in quite other words is not found.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise

from distill.evaluate.overlap import SharedRuns, words

CONTAMINATED = 0.2
TWIN = 0.4
SHORTEST = 15
"""Characters that a prompt has at least."""
SUBJECT = re.compile(r"`(\w+)\(|\bclass `(\w+)`", re.IGNORECASE)


class Likeness:
    """Known texts, and how near a text is to the nearest of them; time grows with the texts that share a pair."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._sizes: list[int] = []
        self._having: dict[tuple[str, str], list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Know one more text."""
        pairs = _pairs(text)
        for pair in pairs:
            self._having[pair].append(len(self._sizes))
        self._sizes.append(len(pairs))

    def nearest(self, text: str) -> float:
        """Return how near the nearest known text is, from 0 to 1."""
        pairs = _pairs(text)
        shared = Counter(known for pair in pairs for known in self._having.get(pair, ()))
        return max((self._near(count, known, len(pairs)) for known, count in shared.items()), default=0.0)

    def _near(self, shared: int, known: int, size: int) -> float:
        return 1.0 if shared == self._sizes[known] else shared / (size + self._sizes[known] - shared)


class Screen:
    """Says of one candidate after the other why it is dropped, and knows those that were kept."""

    def __init__(
        self, training: Iterable[str], held_out: list[str], leakage_words: int, fits: Callable[[str], bool]
    ) -> None:
        """Take the prompts that there are; `fits` says whether the student's chat format can hold a text."""
        self._training, self._held_out, self._kept = Likeness(training), Likeness(held_out), Likeness()
        self._runs = SharedRuns({str(number): text for number, text in enumerate(held_out)})
        self._subjects = {subject(text) for text in held_out} - {None}
        self._leakage_words, self._fits = leakage_words, fits

    def why_dropped(self, text: str) -> str | None:
        """Return why a candidate is dropped, or None: then it counts as kept."""
        if len(text) < SHORTEST:
            return "too short"
        if not self._fits(text):
            return "with special tokens"
        if self._leaks(text):
            return "near a held-out prompt"
        if self._training.nearest(text) >= TWIN:
            return "near a training prompt"
        if self._kept.nearest(text) >= TWIN:
            return "near another new one"
        self._kept.add(text)
        return None

    def _leaks(self, text: str) -> bool:
        return (
            self._runs.meet("", text) >= self._leakage_words
            or subject(text) in self._subjects
            or self._held_out.nearest(text) >= CONTAMINATED
        )


def subject(text: str) -> str | None:
    """Return the name of what a prompt asks for, the first function or class in a code span, without `_` and case."""
    found = SUBJECT.search(text)
    return (found[1] or found[2]).replace("_", "").lower() if found else None


def _pairs(text: str) -> set[tuple[str, str]]:
    return set(pairwise(words(text)))
