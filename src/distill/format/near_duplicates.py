"""Texts that are nearly the same, found by MinHash and locality-sensitive hashing. The only import of rensa.

Two texts are as similar as the share of runs of three words that both have among those that either has (Jaccard), and
are near-duplicates from the threshold on. The share is estimated from 128 hashes (its standard deviation is 0.035 at
0.8), and only texts that agree in one of 16 bands of eight hashes are compared: of pairs at 0.8 that finds 95%, at 0.9
99.99%. So the cost grows as the number of texts does, and memory by 2.5 kB for each that is kept.
"""

import re
from collections.abc import Iterable

from rensa import RMinHash, RMinHashLSH

from distill.common.jsonl import Row

WORD = re.compile(r"\w+")
RUN, HASHES, BANDS, SEED = 3, 128, 16, 1


def sketches(texts: Iterable[str]) -> list[RMinHash]:
    """Return what is compared in each text's place."""
    return list(RMinHash.from_token_sets([_runs(text) for text in texts], num_perm=HASHES, seed=SEED))


def _runs(text: str) -> list[str]:
    words = WORD.findall(text.lower())
    return [" ".join(words[start : start + RUN]) for start in range(max(1, len(words) - RUN + 1))]


class Index:
    """Sketches that others are compared with."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._bands = RMinHashLSH(threshold, HASHES, BANDS)
        self._sketches: list[RMinHash] = []

    def add(self, sketch: RMinHash) -> None:
        """Take one more."""
        self._bands.insert(len(self._sketches), sketch)
        self._sketches.append(sketch)

    def has_near(self, sketch: RMinHash) -> bool:
        """Whether one of them is a near-duplicate of `sketch`."""
        return any(self._sketches[key].jaccard(sketch) >= self._threshold for key in self._bands.query(sketch))


class NearDuplicates:
    """Finds answers that are near-duplicates of an earlier one, and whatever is near to a held-out prompt or answer."""

    def __init__(self, threshold: float, held_out: Iterable[Row]) -> None:
        self._answers, self._held_out = Index(threshold), Index(threshold)
        for row in held_out:
            for sketch in sketches(prompt_and_answer(row)):
                self._held_out.add(sketch)

    def reason(self, prompt: RMinHash, answer: RMinHash) -> str | None:
        """Return why an example should not be trained on, or None."""
        if self._answers.has_near(answer):
            return "near_duplicate"
        return "near_heldout" if any(map(self._held_out.has_near, (prompt, answer))) else None

    def keep(self, answer: RMinHash) -> None:
        """Remember the answer of an example that is trained on."""
        self._answers.add(answer)


def prompt_and_answer(row: Row) -> tuple[str, str]:
    """Return the texts of a row of train.jsonl or heldout.jsonl; the system prompt, which all share, is none."""
    return row["prompt"][-1]["content"], row["completion"][0]["content"]
