"""Words that occur twice: runs that a text shares with training texts, and runs that it repeats itself.

The first show leaked problems and answers learned by heart, the second an answer that goes round in circles. A word is
a run of letters, digits and underscores (`\\w+`), in lower case, so neither layout nor punctuation hides a copy; a
paraphrase, or a copy with renamed variables, is not recognised. Code repeats itself by nature and shares idioms, so
hold a student's values against the teacher's own.

Shared runs are exact at every length: the suffixes of the training words are sorted once, and a run is looked up by
bisection. Time grows with n log² n of the training words, and with m log n of the words looked up, also for texts that
repeat one word endlessly. (Sets of n-grams would be less code, but need one for each length: a copied answer of 159
words takes 113 MB with 22,000 training words, and 1.2 GB with ten times as many.)
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from distill.common.jsonl import Row

Ints = NDArray[np.int64]
WORD = re.compile(r"\w+")
WIDTH = 4  # bytes of a word's number; big-endian, so that bytes compare as the numbers do
UNKNOWN = 2**32 - 1
GRAM = 4
"""Words of the runs that `repetition` counts."""


@dataclass(frozen=True)
class Run:
    """A run of shared words: how many, the words, and the id of a training text that has them."""

    words: int
    text: str
    source: str


@dataclass(frozen=True)
class Report:
    """The longest run of all (None if no word is shared), and by held-out id those of `limit` words or more."""

    limit: int
    longest: Run | None
    over: dict[str, Run]

    def metrics(self) -> Row:
        """The report as it stands in metrics/figures.json; a run of `limit` words ends the evaluation before that."""
        return {"longest_run": self.longest.words if self.longest else 0, "limit": self.limit}


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case."""
    return WORD.findall(text.lower())


def repetition(text: str) -> float:
    """Return the share of the text's 4-grams of words that occurred in it before; 0 if it has fewer than 4 words.

    One minus distinct over all 4-grams: seq-rep-4 of Welleck et al. 2020, Neural Text Generation with Unlikelihood
    Training.
    """
    split = words(text)
    grams = list(zip(*(split[start:] for start in range(GRAM)), strict=False))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def documents(rows: Iterable[Row]) -> dict[str, str]:
    """Return the prompts and completions of rows (of teacher_data.jsonl) by `<id>/prompt` and `<id>/completion`."""
    return {f"{row['id']}/{part}": row[part] for row in rows for part in ("prompt", "completion")}


def longest_shared_run(heldout: Mapping[str, str], training: Mapping[str, str], n: int = 8) -> Report:
    """Compare every held-out text with every training text.

    Args:
        heldout: Texts by id.
        training: Texts by id.
        n: Runs of so many words or more are over the limit.
    """
    index = RunIndex(training)
    runs = {id_: run for id_, text in heldout.items() if (run := index.longest(text))}
    longest = max(runs.values(), key=lambda run: run.words, default=None)
    return Report(n, longest, {id_: run for id_, run in runs.items() if run.words >= n})


class RunIndex:
    """The words of some texts, sorted so that the longest run that another text shares with them is found fast."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.ids = list(texts)
        split = [words(text) for text in texts.values()]
        self.numbers = {word: number for number, word in enumerate(sorted(set(chain.from_iterable(split))))}
        # A number that no word has stands between texts, so that no run goes on into the next; one for each, so that
        # texts that are the same are told apart where they end.
        coded = [[*map(self.numbers.__getitem__, part), len(self.numbers) + i] for i, part in enumerate(split)]
        self.ends = np.cumsum([len(part) for part in coded], dtype=np.int64)
        flat = np.fromiter(chain.from_iterable(coded), dtype=np.int64)
        self.data = flat.astype(f">u{WIDTH}").tobytes()
        self.order: list[int] = _sort_suffixes(flat).tolist()

    def longest(self, text: str) -> Run | None:
        """Return the longest run of words that `text` shares with one of the indexed texts; None if not even a word."""
        asked = words(text)
        data = np.array([self.numbers.get(word, UNKNOWN) for word in asked], f">u{WIDTH}").tobytes()
        best, start, place = 0, 0, -1
        # The only question worth asking at a position is whether the run from here is longer than the best so far.
        for position in range(len(asked)):
            while position + best < len(asked):
                found = self._find(data[position * WIDTH : (position + best + 1) * WIDTH])
                if found is None:
                    break
                best, start, place = best + 1, position, found
        if not best:
            return None
        owner = int(np.searchsorted(self.ends, place, side="right"))
        return Run(best, " ".join(asked[start : start + best]), self.ids[owner])

    def _find(self, gram: bytes) -> int | None:
        def prefix(place: int) -> bytes:
            return self.data[place * WIDTH : place * WIDTH + len(gram)]

        at = bisect_left(self.order, gram, key=prefix)
        return self.order[at] if at < len(self.order) and prefix(self.order[at]) == gram else None


def _sort_suffixes(values: Ints) -> Ints:
    """Return where the suffixes of `values` start, in lexicographic order, by prefix doubling (Manber and Myers 1993).

    After the round of step s, `rank` orders the suffixes by their first 2s values.
    """
    rank, step, size = values, 1, len(values)
    order = np.argsort(values, kind="stable")
    while size:
        key = rank * (size + 1)
        key[:-step] += rank[step:] + 1
        order = np.argsort(key, kind="stable")
        rank = np.empty_like(rank)
        rank[order] = np.cumsum(np.diff(key[order], prepend=key[order[0]]) != 0)
        if rank[order[-1]] == size - 1:
            break
        step *= 2
    return order
