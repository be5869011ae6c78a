"""Answers of a paid model, from the cheapest source that has them.

The ledger comes first. What it lacks is taken over from committed data (hydrated), and only what is then still missing
is asked for. In the end the output is written from the ledger alone, complete or not at all.

The prompts are read once where everything is there, and twice where something is missing: each pass writes the output
until it finds a gap, and goes on from there with what is to be asked. (One more for each further round of batches, and
for those that an earlier run left under way.)
"""

import asyncio
import contextlib
import itertools
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from distill.api import answers, hydrate
from distill.api.answers import Entry, Incomplete, Tally
from distill.api.ledger import opening
from distill.api.ledger.ledger import Ledger
from distill.api.ledger.salvage import set_aside
from distill.api.pricing import Price, all_prices, price_of
from distill.api.profiles import ApiTeacher, BatchesTeacher, RuntimeParams
from distill.api.request import Request
from distill.common.config import section
from distill.common.errors import DistillError, TeacherError
from distill.common.jsonl import Row, read_jsonl, write_jsonl
from distill.shared.workspace import root

if TYPE_CHECKING:
    from distill.api.session import Session
    from distill.api.stop import Outcome

Prompts = Callable[[], Iterable[Row]]
"""Each call starts reading prompts.jsonl from its beginning: rows are streamed, never kept."""


@dataclass(frozen=True)
class Collection:
    """What is to be collected, and by what means."""

    name: str
    teacher: ApiTeacher
    runtime: RuntimeParams
    price: Price
    params: Path
    prompts: Prompts
    ledger: Ledger

    @property
    def batch(self) -> bool:
        """Whether the batch discount applies."""
        return isinstance(self.teacher, BatchesTeacher)

    def tally(self) -> Tally:
        """Return fresh metrics."""
        return Tally(self.name, self.teacher, self.price)

    def unpriced(self) -> str | None:
        """Name the models that the ledger has calls of, but params.yaml no prices: the budget cannot count these."""
        models = {model for _, model, _, _ in self.ledger.totals("call")} - all_prices(self.params).keys()
        names = ", ".join(sorted(models))
        return f"no prices for {names} in {self.params}; what was spent on it counts as $0 here" if models else None


class Output:
    """The file that a run is to write; `metrics`, what metrics/collect.json holds, are None until it is written."""

    def __init__(self, collection: Collection, prompts: Path, path: Path, shard_mb: float) -> None:
        self.collection, self.prompts, self.path, self.shard_mb = collection, prompts, path, shard_mb
        self.metrics: Row | None = None
        self.there = 0
        """Answers that the last pass has found in the ledger so far."""

    def write(self) -> Iterator[Request] | None:
        """Write the file if the ledger has every answer; else return, as a pass that goes on, the calls to make."""
        collection, tally = self.collection, self.collection.tally()
        entries = answers.entries(collection.prompts(), collection.teacher, collection.ledger)
        try:
            write_jsonl(self.path, tally.rows(entries), self.shard_mb)
        except Incomplete as gap:
            self.there = tally.answers
            return self._missing(gap.entry, entries)
        self.metrics = tally.metrics()
        return None

    def _missing(self, gap: Entry, rest: Iterable[Entry]) -> Iterator[Request]:
        """Yield the next call to make for everything that has no answer when its turn comes."""
        again = answers.resolve(gap.prompt, gap.request.sample, self.collection.teacher, self.collection.ledger)
        for entry in itertools.chain([again], rest):
            if entry.answer is None:
                yield entry.request
            else:
                self.there += 1

    def wanted(self) -> int:
        """Return how many answers there are to be: lines are counted, and not parsed."""
        with self.prompts.open("rb") as file:
            return sum(not line.isspace() for line in file) * self.collection.teacher.samples


def gather(name: str, teacher: ApiTeacher, params: Path, prompts: Path, path: Path, shard_mb: float = math.inf) -> Row:
    """Write the answers to `prompts` to `path`, and return what metrics/collect.json holds.

    Above `shard_mb` megabytes, `path` is a folder of parts.

    Raises:
        TeacherError: Answers are missing in the end; those that came are kept.
    """
    rows = partial(read_jsonl, prompts, ("id", "split", "prompt"))
    with opened(name, teacher, params, rows) as collection:
        output = Output(collection, prompts, path, shard_mb)
        if missing := output.write():
            outcome = _fill(output, missing)
            if output.metrics is None and (missing := output.write()):
                raise incomplete(outcome, collection, missing)
        assert output.metrics is not None  # noqa: S101 (for the type checker)
        return output.metrics


@contextlib.contextmanager
def opened(name: str, teacher: ApiTeacher, params: Path, prompts: Prompts) -> Iterator[Collection]:
    """Open the ledger for a collection."""
    runtime = section(RuntimeParams, "runtime", params)
    price = price_of(teacher, params)
    with opening.hold(opening.location()) as ledger:
        yield Collection(name, teacher, runtime, price, params, prompts, ledger)


def _fill(output: Output, missing: Iterator[Request]) -> "Outcome":
    """Get the answers that are missing into the ledger; return how that went."""
    from distill.api.stop import Outcome

    collection = output.collection
    path = collection.ledger.path
    if collection.runtime.hydrate and (count := hydrate.hydrate(collection.ledger, root())):
        print(f"{path}: {count} answers taken over from committed data", file=sys.stderr)
    if (first := next(missing, None)) is None:
        return Outcome()
    if corrupt := set_aside(path):
        lacking = 1 + sum(1 for _ in missing)
        raise TeacherError(f"{path}: {lacking} answers are missing after the ledger was rebuilt; restore a backup of "
                           f"{corrupt}, or move that file elsewhere to pay for them, and run the same command again"
                           )  # fmt: skip
    return asyncio.run(_ask(output, itertools.chain([first], missing)))


async def _ask(output: Output, missing: Iterable[Request]) -> "Outcome":
    """Ask for what is missing; return how that went."""
    # With everything in the ledger, nothing of this is imported.
    from tqdm import tqdm

    from distill.api.budget import Budget
    from distill.api.client import Api
    from distill.api.session import Session
    from distill.api.stop import Running

    collection, wanted = output.collection, output.wanted()
    runtime, ledger = collection.runtime, collection.ledger
    if runtime.budget_usd is not None and (note := collection.unpriced()):
        print(f"note: {note}", file=sys.stderr)
    running = Running()
    budget = Budget(limit(runtime), *ledger.spent(all_prices(collection.params)))

    def first_pass() -> Iterator[Request]:
        """It finds out as it goes how many answers need not be asked for, and which prompts are none."""
        try:
            for request in missing:
                bar.total = wanted - output.there
                yield request
        except DistillError as error:
            running.stop(error)
        bar.total = wanted - output.there

    async with Api(collection.teacher, runtime.timeout_s) as api:
        with running.signals(), tqdm(total=wanted, desc="collect", unit="answer", disable=None) as bar:
            session = Session(api, collection.teacher, runtime, collection.price, ledger, budget, running, bar.update)
            await _run(session, output, first_pass())
    return running.outcome


async def _run(session: "Session", output: Output, missing: Iterable[Request]) -> None:
    from distill.api.batches import BatchCollector
    from distill.api.online import Collector

    batches = BatchCollector(session)
    passes = itertools.chain([missing], (output.write() or () for _ in itertools.count()))
    if output.collection.batch:
        await batches.run(partial(next, passes))
        return
    # What is in a batch already is on its way, and must not be paid for a second time.
    await batches.run(partial(next, passes), create=False)
    if not session.running.stopping:
        await Collector(session, partial(answers.follow_up, session.teacher)).run(next(passes))


def incomplete(
    outcome: "Outcome", collection: Collection, missing: Iterable[Request]
) -> TeacherError | KeyboardInterrupt:
    """Return what is to be raised if answers are missing in the end: it says why, and what to do about it."""
    lacking, worst = 0, Decimal(0)
    problems: list[str] = []
    for request in missing:
        lacking += 1
        worst += collection.price.worst(request, collection.batch)
        if request.key in outcome.problems and len(problems) < answers.SHOWN:
            problems.append(f"'{request.prompt_id}': {outcome.problems[request.key]}")
    left = f"{lacking} answers are missing, all others are kept"
    if outcome.interrupted:
        print(f"{collection.ledger.path}: {left}", file=sys.stderr)
        return KeyboardInterrupt()
    if outcome.stopped:
        return TeacherError(f"{outcome.stopped} ({left})")
    if outcome.over_budget:
        return TeacherError(_over_budget(collection, lacking, worst))
    return TeacherError(f"{left}: {'; '.join(problems)}; fix that, or run the same command again")


def _over_budget(collection: Collection, lacking: int, worst: Decimal) -> str:
    limit_usd = collection.runtime.budget_usd
    spent, reserved = collection.ledger.spent(all_prices(collection.params))
    return (f"{collection.params}: runtime.budget_usd: {limit_usd} does not cover the next call: "
            f"${spent + reserved:.4f} is spent (or may have been), and {lacking} answers are missing, which cost at "
            f"most ${worst:.4f} (first tries); raise it and run the same command again")  # fmt: skip


def limit(runtime: RuntimeParams) -> Decimal | None:
    """Return the budget as an exact number of dollars."""
    return None if runtime.budget_usd is None else Decimal(repr(runtime.budget_usd))
