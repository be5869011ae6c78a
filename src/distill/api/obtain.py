"""Answers from an API: out of the ledger, and for what it lacks from committed data, and then from the API.

The order is what keeps money: look into the ledger; if an answer is missing, hydrate; if one is still missing, ask for
it. In the end the output is written from the ledger alone, complete or not at all.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.api import answers, hydrate
from distill.api.answers import Incomplete, Tally
from distill.api.ledger import opening
from distill.api.ledger.ledger import Ledger
from distill.api.ledger.salvage import set_aside
from distill.api.pricing import Price, all_prices, price_of
from distill.api.profiles import ApiTeacher, BatchesTeacher, RuntimeParams
from distill.api.request import Ask
from distill.common.config import section
from distill.common.errors import TeacherError
from distill.common.jsonl import Row, read_jsonl, write_jsonl
from distill.shared.workspace import root

if TYPE_CHECKING:
    from distill.api.stop import Outcome


Prompts = Callable[[], Iterable[Row]]
"""Gives the rows of prompts.jsonl anew whenever it is called: they are streamed, never kept."""


@dataclass(frozen=True)
class Job:
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

    def missing(self) -> Iterator[Ask]:
        """Yield the next call to make for everything that has no answer yet."""
        return answers.missing(self.prompts(), self.teacher, self.ledger)

    def tally(self) -> Tally:
        """Return fresh metrics."""
        return Tally(self.name, self.teacher, self.price)

    def unpriced(self) -> str | None:
        """Say of which models the ledger has calls, and params.yaml no prices: the budget cannot count these."""
        models = {model for _, model, _, _ in self.ledger.totals("call")} - all_prices(self.params).keys()
        names = ", ".join(sorted(models))
        return f"no prices for {names} in {self.params}; what was spent on it counts as $0 here" if models else None


def gather(name: str, teacher: ApiTeacher, params: Path, prompts: Path, output: Path) -> Row:
    """Write `output`, and return what metrics/collect.json holds.

    Raises:
        TeacherError: Answers are missing in the end; those that came are kept.
    """
    rows = partial(read_jsonl, prompts, ("id", "split", "prompt"))
    with opened_job(name, teacher, params, rows) as job:
        metrics = _write(job, output)
        if metrics is None:
            _fill(job)
            metrics = _write(job, output)
        if metrics is None:
            raise AssertionError("the ledger lost an answer while it was held")
        return metrics


@contextlib.contextmanager
def opened_job(name: str, teacher: ApiTeacher, params: Path, prompts: Prompts) -> Iterator[Job]:
    """Open the ledger for a job."""
    runtime = section(RuntimeParams, "runtime", params)
    price = price_of(teacher, params)
    with opening.hold(opening.location()) as ledger:
        yield Job(name, teacher, runtime, price, params, prompts, ledger)


def _write(job: Job, output: Path) -> Row | None:
    """Write the output if the ledger has every answer, and return the metrics; else None, and nothing is written."""
    tally = job.tally()
    try:
        write_jsonl(output, tally.rows(answers.entries(job.prompts(), job.teacher, job.ledger)))
    except Incomplete:
        return None
    return tally.metrics()


def _fill(job: Job) -> None:
    """Get the answers that are missing into the ledger."""
    if job.runtime.hydrate and (count := hydrate.hydrate(job.ledger, root())):
        print(f"{job.ledger.path}: {count} answers taken over from committed data", file=sys.stderr)
    lacking = sum(1 for _ in job.missing())
    if lacking and (corrupt := set_aside(job.ledger.path)):
        raise TeacherError(f"{job.ledger.path}: {lacking} answers are missing after the ledger was rebuilt; restore a "
                           f"backup of {corrupt}, or move that file elsewhere to pay for them, and run the same "
                           "command again")  # fmt: skip
    if lacking:
        judge(asyncio.run(_ask(job, lacking)), job)


async def _ask(job: Job, lacking: int) -> "Outcome":
    """Ask for what is missing; return how that went."""
    # With everything in the ledger, nothing of this is imported.
    from tqdm import tqdm

    from distill.api.budget import Budget
    from distill.api.client import Api
    from distill.api.stop import Running

    if job.runtime.budget_usd is not None and (note := job.unpriced()):
        print(f"note: {note}", file=sys.stderr)
    running = Running()
    budget = Budget(limit(job.runtime), *job.ledger.spent(all_prices(job.params)))
    async with Api(job.teacher, job.runtime.timeout_s) as api:
        with running.signals(), tqdm(total=lacking, desc="collect", unit="answer", disable=None) as bar:
            parts = {"api": api, "teacher": job.teacher, "runtime": job.runtime, "price": job.price,
                     "ledger": job.ledger, "budget": budget, "running": running, "progress": bar.update}  # fmt: skip
            await _run(job, parts)
    return running.outcome


async def _run(job: Job, parts: dict[str, Any]) -> None:
    from distill.api.batches import BatchCollector
    from distill.api.online import Collector

    batches = BatchCollector(**parts)
    if job.batch:
        await batches.run(job.missing)
        return
    # What is in a batch already is on its way, and must not be paid for a second time.
    await batches.run(job.missing, create=False)
    if not batches.running.stopping:
        await Collector(**parts, follow_up=partial(answers.follow_up, job.teacher)).run(job.missing())


def judge(outcome: "Outcome", job: Job) -> None:
    """Raise what the person has to know; nothing if the ledger now has an answer to everything."""
    lacking = sum(1 for _ in job.missing())
    if not lacking:
        return
    left = f"{lacking} answers are missing, all others are kept"
    if outcome.interrupted:
        print(f"{job.ledger.path}: {left}", file=sys.stderr)
        raise KeyboardInterrupt
    if outcome.stopped:
        raise TeacherError(f"{outcome.stopped} ({left})")
    if outcome.over_budget:
        raise TeacherError(_over_budget(job, lacking))
    known = ((ask.prompt_id, outcome.problems[ask.key]) for ask in job.missing() if ask.key in outcome.problems)
    reasons = "; ".join(f"'{name}': {why}" for name, why in islice(known, answers.SHOWN))
    raise TeacherError(f"{left}: {reasons}; mend that, or run the same command again")


def _over_budget(job: Job, lacking: int) -> str:
    spent, reserved = job.ledger.spent(all_prices(job.params))
    worst = sum((job.price.worst(ask, job.batch) for ask in job.missing()), Decimal(0))
    return (f"{job.params}: runtime.budget_usd: {job.runtime.budget_usd} does not cover the next call: "
            f"${spent + reserved:.4f} is spent (or may have been), and {lacking} answers are missing, which cost at "
            f"most ${worst:.4f} (first tries); raise it and run the same command again")  # fmt: skip


def limit(runtime: RuntimeParams) -> Decimal | None:
    """Return the budget as an exact number of dollars."""
    return None if runtime.budget_usd is None else Decimal(repr(runtime.budget_usd))
