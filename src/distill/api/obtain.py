"""Answers of a paid model, from the cheapest source that has them.

The ledger comes first. What it lacks is taken over from committed data (hydrated), and only what is then still missing
is asked for. In the end the output is written from the ledger alone, complete or not at all.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from distill.api import answers, hydrate
from distill.api.answers import Incomplete, Tally
from distill.api.ledger import opening
from distill.api.ledger.ledger import Ledger
from distill.api.ledger.salvage import set_aside
from distill.api.pricing import Price, all_prices, price_of
from distill.api.profiles import ApiTeacher, BatchesTeacher, RuntimeParams
from distill.api.request import Request
from distill.common.config import section
from distill.common.errors import TeacherError
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

    def missing(self) -> Iterator[Request]:
        """Yield the next call to make for everything that has no answer yet."""
        return answers.missing(self.prompts(), self.teacher, self.ledger)

    def tally(self) -> Tally:
        """Return fresh metrics."""
        return Tally(self.name, self.teacher, self.price)

    def unpriced(self) -> str | None:
        """Name the models that the ledger has calls of, but params.yaml no prices: the budget cannot count these."""
        models = {model for _, model, _, _ in self.ledger.totals("call")} - all_prices(self.params).keys()
        names = ", ".join(sorted(models))
        return f"no prices for {names} in {self.params}; what was spent on it counts as $0 here" if models else None


def gather(name: str, teacher: ApiTeacher, params: Path, prompts: Path, output: Path) -> Row:
    """Write `output`, and return what metrics/collect.json holds.

    Raises:
        TeacherError: Answers are missing in the end; those that came are kept.
    """
    rows = partial(read_jsonl, prompts, ("id", "split", "prompt"))
    with opened(name, teacher, params, rows) as collection:
        if (metrics := _write(collection, output)) is not None:
            return metrics
        outcome = _fill(collection)
        if (metrics := _write(collection, output)) is not None:
            return metrics
        raise incomplete(outcome, collection)


@contextlib.contextmanager
def opened(name: str, teacher: ApiTeacher, params: Path, prompts: Prompts) -> Iterator[Collection]:
    """Open the ledger for a collection."""
    runtime = section(RuntimeParams, "runtime", params)
    price = price_of(teacher, params)
    with opening.hold(opening.location()) as ledger:
        yield Collection(name, teacher, runtime, price, params, prompts, ledger)


def _write(collection: Collection, output: Path) -> Row | None:
    """Write the output if the ledger has every answer, and return the metrics; else None, and nothing is written."""
    tally = collection.tally()
    try:
        write_jsonl(output, tally.rows(answers.entries(collection.prompts(), collection.teacher, collection.ledger)))
    except Incomplete:
        return None
    return tally.metrics()


def _fill(collection: Collection) -> "Outcome":
    """Get the answers that are missing into the ledger; return how that went."""
    from distill.api.stop import Outcome

    path = collection.ledger.path
    if collection.runtime.hydrate and (count := hydrate.hydrate(collection.ledger, root())):
        print(f"{path}: {count} answers taken over from committed data", file=sys.stderr)
    lacking = sum(1 for _ in collection.missing())
    if not lacking:
        return Outcome()
    if corrupt := set_aside(path):
        raise TeacherError(f"{path}: {lacking} answers are missing after the ledger was rebuilt; restore a backup of "
                           f"{corrupt}, or move that file elsewhere to pay for them, and run the same command again"
                           )  # fmt: skip
    return asyncio.run(_ask(collection, lacking))


async def _ask(collection: Collection, lacking: int) -> "Outcome":
    """Ask for what is missing; return how that went."""
    # With everything in the ledger, nothing of this is imported.
    from tqdm import tqdm

    from distill.api.budget import Budget
    from distill.api.client import Api
    from distill.api.session import Session
    from distill.api.stop import Running

    runtime, ledger = collection.runtime, collection.ledger
    if runtime.budget_usd is not None and (note := collection.unpriced()):
        print(f"note: {note}", file=sys.stderr)
    running = Running()
    budget = Budget(limit(runtime), *ledger.spent(all_prices(collection.params)))
    async with Api(collection.teacher, runtime.timeout_s) as api:
        with running.signals(), tqdm(total=lacking, desc="collect", unit="answer", disable=None) as bar:
            session = Session(api, collection.teacher, runtime, collection.price, ledger, budget, running, bar.update)
            await _run(collection, session)
    return running.outcome


async def _run(collection: Collection, session: "Session") -> None:
    from distill.api.batches import BatchCollector
    from distill.api.online import Collector

    batches = BatchCollector(session)
    if collection.batch:
        await batches.run(collection.missing)
        return
    # What is in a batch already is on its way, and must not be paid for a second time.
    await batches.run(collection.missing, create=False)
    if not session.running.stopping:
        await Collector(session, partial(answers.follow_up, collection.teacher)).run(collection.missing())


def incomplete(outcome: "Outcome", collection: Collection) -> TeacherError | KeyboardInterrupt:
    """Return what is to be raised if answers are missing in the end: it says why, and what to do about it."""
    lacking, worst = 0, Decimal(0)
    problems: list[str] = []
    for request in collection.missing():
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
