"""Answers are kept only if they do what they claim (`format.verify`); everything is run in a sandbox.

In: examples that nothing else speaks against, in the order of the teacher data. Out: the same examples; those that are
left out say why in `dropped`. The check of an answer's prompt decides, data/train-checks/<base>.py or .yaml, where
there is one; else the answer's own code, doctests and tests (`own_tests`). An answer that has nothing of the kind to be
held to is kept, and counted as such.

Of several answers to one prompt (`samples`) one is kept, the first or the shortest of the best: those that pass come
before those whose code merely runs, and these before those without code. The others are `surplus`, unless none is kept.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, cast

from distill.common.errors import InputError
from distill.common.jsonl import Row
from distill.format.own_tests import OwnTests
from distill.sandbox import checks, outcomes, run_checks
from distill.sandbox.conversation import Verdict
from distill.sandbox.run_checks import SandboxParams

CHECKS = Path("data/train-checks")
LIMITS = SandboxParams(wall_s=60.0, cpu_s=10, memory_mib=512, processes=16, file_kib=1024)
"""Of one answer; ample, so that the same answers pass on a slow machine."""
WINDOW = 1000
"""Answers that are in memory at one time, or as many as one prompt has."""
KEPT = ("pass", "loads", "no_code")
"""Outcomes of an answer's own tests with which it is kept, the best first."""


class Candidate(Protocol):
    """What is asked of an example (a frozen dataclass)."""

    @property
    def row(self) -> Row:
        """The row of train.jsonl."""

    @property
    def base(self) -> str:
        """The base prompt."""

    @property
    def answer_tokens(self) -> int:
        """The answer's length."""

    @property
    def dropped(self) -> str | None:
        """Why it is left out."""


C = TypeVar("C", bound=Candidate)


def check_sandbox() -> None:
    """Find out whether answers can be run.

    Raises:
        InputError: No sandbox works here.
    """
    if reason := run_checks.unavailable():
        raise InputError(f"params.yaml: format.verify: {reason}; install bubblewrap, or set it to false")


class Verification:
    """One run over the training answers, and what it counts."""

    def __init__(self, prefer: Literal["first", "shortest"]) -> None:
        check_sandbox()
        self.prefer = prefer
        self.kept: Counter[str] = Counter()
        self.failed: dict[str, dict[str, str]] = {}
        self._check = functools.cache(lambda base: checks.load(base, CHECKS))

    def examples(self, examples: Iterable[C]) -> Iterator[C]:
        """Yield every example, those that are left out included.

        Raises:
            InputError: A check is itself wrong.
        """
        for window in _windows(examples):
            verdicts = self._verdicts([one for one in window if one.dropped is None])
            for _, answers in groupby(window, _prompt):
                yield from self._settled(list(answers), verdicts)

    def _verdicts(self, examples: list[C]) -> dict[str, Verdict]:
        """Run the answers; return their verdicts by id."""
        if not examples:
            return {}
        held_to = [self._check(one.base) or OwnTests() for one in examples]
        texts = [one.row["completion"][0]["content"] for one in examples]
        found = outcomes.judged(texts, held_to, LIMITS, "verifying answers", whole=False)
        return {one.row["id"]: verdict for one, verdict in zip(examples, found, strict=True)}

    def _settled(self, answers: list[C], verdicts: dict[str, Verdict]) -> Iterator[C]:
        """Yield the answers to one prompt, of which one is kept, and count what came of them."""
        passing: list[tuple[int, int, str]] = []
        for place, one in enumerate(answers):
            if (verdict := verdicts.get(one.row["id"])) is not None:
                checked = self._check(one.base) is not None
                good = ("pass",) if checked else KEPT
                if verdict.outcome in good:
                    self.kept["by_check" if checked else verdict.outcome] += 1
                    length = place if self.prefer == "first" else one.answer_tokens
                    passing.append((good.index(verdict.outcome), length, one.row["id"]))
                else:
                    self.failed.setdefault(verdict.outcome, {})[one.row["id"]] = verdict.detail
        chosen = min(passing)[2] if passing else None
        for one in answers:
            left_out = one.row["id"] in verdicts and one.row["id"] != chosen
            reason = "surplus" if chosen else "unverified"
            yield cast("C", replace(cast("Any", one), dropped=reason)) if left_out else one

    def metrics(self) -> Row:
        """Return what metrics/format.json says of it: answers by outcome, and of those that failed, why."""
        return {
            "verified": {"by_check": self.kept["by_check"], "by_own_tests": self.kept["pass"]},
            "only_loads": self.kept["loads"],
            "nothing_to_verify": self.kept["no_code"],
            "failed": {outcome: len(ids) for outcome, ids in sorted(self.failed.items())},
            "failed_answers": dict(sorted(self.failed.items())),
        }


def _prompt(example: Candidate) -> str:
    return str(example.row["id"]).partition("#")[0]


def _windows(examples: Iterable[C]) -> Iterator[list[C]]:
    """Yield the examples in lists, in which the answers to a prompt stay together."""
    window: list[C] = []
    for _, answers in groupby(examples, _prompt):
        window += answers
        if len(window) >= WINDOW:
            yield window
            window = []
    yield window
