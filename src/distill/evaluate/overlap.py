"""Words that occur twice: runs that a text shares with training texts, and runs that it repeats itself.

The first show leaked problems and answers learned by heart, the second an answer that goes round in circles. A word is
a run of letters, digits and underscores (`\\w+`), in lower case, so neither layout nor punctuation hides a copy; a
paraphrase, or a copy with renamed variables, is not recognised. Code repeats itself by nature and shares idioms, so
hold a student's values against the teacher's own.

Shared runs are exact at every length. The texts that are asked about, held-out prompts and answers, are few: they go
into a suffix automaton (Blumer et al. 1985), the smallest machine that knows every run of their words. Training texts,
which may be millions, are streamed past it, a step or two a word. Time grows with the words of both, memory with those
of the asked texts alone, about 500 bytes a word, also for texts that repeat one word endlessly.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from distill.common.jsonl import Row

WORD = re.compile(r"\w+")
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


class SharedRuns:
    """The longest run of words that each of some texts shares with any of the others that come by."""

    def __init__(self, asked: Mapping[str, str]) -> None:
        self._asked = {id_: words(text) for id_, text in asked.items()}
        # A state stands for runs that end at the same places: its longest one has `_length` words, and `_link` is the
        # state of the longest that ends elsewhere as well. State 0 is the run of no words.
        self._next: list[dict[object, int]] = [{}]
        self._link, self._length = [-1], [0]
        last = 0
        for id_, text in self._asked.items():
            for word in (*text, (id_,)):  # behind each text something that is no word, so that no run goes on
                last = self._append(last, word)
        self._met = [0] * len(self._next)  # words of the longest run of a state that was met
        self._source = [""] * len(self._next)

    def _append(self, last: int, word: object) -> int:
        """Make one word longer what the automaton knows; return the state of all of it."""
        new = self._state(self._length[last] + 1, {})
        while last >= 0 and word not in self._next[last]:
            self._next[last][word] = new
            last = self._link[last]
        if last < 0:
            self._link[new] = 0
            return new
        known = self._next[last][word]
        if self._length[known] > self._length[last] + 1:
            known = self._split(last, word, known)
        self._link[new] = known
        return new

    def _split(self, last: int, word: object, known: int) -> int:
        """Return a state for the shorter runs of `known`, which from now on end at one place more than the longer."""
        shorter = self._state(self._length[last] + 1, dict(self._next[known]))
        self._link[shorter], self._link[known] = self._link[known], shorter
        while last >= 0 and self._next[last].get(word) == known:
            self._next[last][word] = shorter
            last = self._link[last]
        return shorter

    def _state(self, length: int, following: dict[object, int]) -> int:
        self._next.append(following)
        self._length.append(length)
        self._link.append(0)
        return len(self._next) - 1

    def meet(self, id_: str, text: str) -> int:
        """Compare one more text with all that are asked about; return the words of the longest run that one shares."""
        following, link, lengths, met = self._next, self._link, self._length, self._met
        state = length = most = 0
        for word in words(text):
            while (longer := following[state].get(word)) is None and state:
                state = link[state]
                length = lengths[state]
            if longer is not None:
                state, length = longer, length + 1
                if length > met[state]:
                    met[state], self._source[state] = length, id_
                if length > most:
                    most = length
        return most

    def longest(self) -> dict[str, Run]:
        """Return the longest run of each text that was met anywhere; a text that shares no word has none."""
        met, source = self._spread()
        found = {}
        state = 0
        for id_, text in self._asked.items():
            best = Run(0, "", "")
            for place, word in enumerate(text, start=1):
                state = self._next[state][word]
                if met[state] > best.words:
                    best = Run(met[state], " ".join(text[place - met[state] : place]), source[state])
            state = self._next[state][(id_,)]
            if best.words:
                found[id_] = best
        return found

    def _spread(self) -> tuple[list[int], list[str]]:
        """Return for each state the longest run that ends where its own do and was met, and who met it.

        Who met a run met those that it ends with: from the longest states to the shortest. And a run that was met ends
        longer ones, which are no longer for that: from the shortest to the longest.
        """
        met, source = list(self._met), list(self._source)
        order = sorted(range(1, len(met)), key=self._length.__getitem__)
        for state in reversed(order):
            link = self._link[state]
            if min(met[state], self._length[link]) > met[link]:
                met[link], source[link] = self._length[link], source[state]
        for state in order:
            link = self._link[state]
            if met[link] > met[state]:
                met[state], source[state] = met[link], source[link]
        return met, source

    def report(self, n: int) -> Report:
        """Return the report on all texts; runs of `n` words or more are over the limit."""
        runs = self.longest()
        longest = max(runs.values(), key=lambda run: run.words, default=None)
        return Report(n, longest, {id_: run for id_, run in runs.items() if run.words >= n})
