"""What `collect` would cost: how many calls are missing from the ledger, and their price at most and about.

    python -m distill.estimate        (or `make estimate`)

Nothing that costs money is sent. Input tokens are counted by the API's count-tokens endpoint where there is a key, else
by the student's tokenizer; how long answers will be is taken from the answers that the ledger has of that model, else
from runtime.expected_output_tokens. The report says which. What it will not do: promise more than the worst case.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from distill import cli, hydrate, ledger_file, teachers, view
from distill.answer import Unreadable, Usage, load
from distill.api import Api, Refused, Transient
from distill.collect import PROMPTS
from distill.config import profile
from distill.gather import Job, opened_job
from distill.pricing import all_prices
from distill.request import Ask
from distill.student import StudentProfile, load_tokenizer
from distill.teachers import BatchesTeacher, FilesTeacher

# So many prompts are counted, and the others taken to have as many tokens a byte.
COUNTED = 200
CONCURRENCY = 8


@dataclass(frozen=True)
class Estimate:
    """What is missing, and what it costs in dollars."""

    wanted: int
    missing: int
    under_way: int
    input_tokens: int
    counted_by: str
    output_tokens: int
    lengths_from: str
    about: Decimal
    most: Decimal
    most_with_retries: Decimal


def main() -> None:
    """Command line: `python -m distill.estimate`."""
    args = cli.parser(__doc__).parse_args()
    name, teacher = teachers.load(args.params)
    if isinstance(teacher, FilesTeacher):
        print(f"teacher {name}: its answers are files; no calls, $0.00")
        return
    with opened_job(name, teacher, args.params, PROMPTS) as (job, _):
        if job.runtime.hydrate and (count := hydrate.hydrate(job.ledger, ledger_file.root())):
            print(f"{job.ledger.path}: {count} answers taken over from committed data", file=sys.stderr)
        print("\n".join(lines(job, estimate(job))))


def estimate(job: Job) -> Estimate:
    """Return what the calls that `job` lacks cost."""
    on_its_way = under_way(job)
    asks = list(islice((entry.ask for entry in once(job) if is_missing(entry, on_its_way)), COUNTED))
    bytes_counted = sum(ask.size for ask in asks)
    wanted = missing = waiting = bytes_missing = 0
    first = again = Decimal(0)
    for entry in once(job):
        wanted += 1
        waiting += entry.answer is None and entry.ask.key in on_its_way
        if is_missing(entry, on_its_way):
            missing += 1
            bytes_missing += entry.ask.size
            first += job.price.worst(entry.ask, job.batch)
            again += _worst_retry(job, entry.ask)
    tokens, counted_by = count(job, asks)
    total = round(tokens * bytes_missing / bytes_counted) if asks else 0
    mean = job.ledger.mean_output(job.teacher.model)
    output = round(missing * (job.runtime.expected_output_tokens if mean is None else mean))
    lengths = "runtime.expected_output_tokens" if mean is None else "the mean of the ledger's answers"
    about = job.price.cost(Usage(total, output, batch=job.batch))
    return Estimate(wanted, missing, waiting, total, counted_by, output, lengths, about, first, first + again)


def once(job: Job) -> Iterator[view.Entry]:
    """Yield what is wanted; prompts that read the same share an answer, which is paid for once."""
    seen: set[str] = set()
    for entry in view.entries(job.prompts, job.teacher, job.ledger):
        if entry.ask.key not in seen:
            seen.add(entry.ask.key)
            yield entry


def under_way(job: Job) -> set[str]:
    """Return the keys of calls in open batches: `collect` takes these answers over, and does not ask again."""
    return {key for batch in job.ledger.open_batches() for key in job.ledger.batch_calls(batch["id"])}


def is_missing(entry: view.Entry, on_its_way: set[str]) -> bool:
    """Whether a call has yet to be made."""
    return entry.answer is None and entry.ask.key not in on_its_way


def lines(job: Job, result: Estimate) -> Iterator[str]:
    """Yield the report."""
    way = "Message Batches API" if isinstance(job.teacher, BatchesTeacher) else "Messages API"
    spent, reserved = job.ledger.spent(all_prices(job.params))
    budget = "none" if job.runtime.budget_usd is None else f"${job.runtime.budget_usd:.2f}"
    yield f"teacher {job.name}: {job.teacher.model}, {way}"
    stored = result.wanted - result.missing - result.under_way
    waiting = f"{result.under_way} in a batch under way, " if result.under_way else ""
    yield f"answers: {result.wanted} wanted, {stored} in the ledger, {waiting}{result.missing} missing"
    yield f"input: about {result.input_tokens} tokens, counted by {result.counted_by}"
    yield f"output: about {result.output_tokens} tokens, their length from {result.lengths_from}"
    again = f"${result.most_with_retries:.2f} if all are cut off and asked for once more"
    yield f"cost: about ${result.about:.2f}; at most ${result.most:.2f}, or {again}"
    yield f"budget: {budget}, of which ${spent + reserved:.2f} is spent, may have been, or is under way"
    if note := job.unpriced():
        yield f"note: {note}"


def count(job: Job, asks: list[Ask]) -> tuple[int, str]:
    """Return the input tokens of `asks`, and who counted them."""
    if job.teacher.key_env and os.environ.get(job.teacher.key_env):
        try:
            return asyncio.run(_ask_api(job, asks)), "the API's count-tokens endpoint"
        except (Refused, Transient, Unreadable, KeyError) as error:
            print(f"note: the API does not count the tokens ({error})", file=sys.stderr)
    _, student = profile(StudentProfile, "student", job.params)
    tokenizer = load_tokenizer(student)
    texts = (f"{job.teacher.system or ''}{ask.body['messages'][0]['content']}" for ask in asks)
    return sum(len(tokenizer(text)["input_ids"]) for text in texts), f"the tokenizer of {student.base_model}"


async def _ask_api(job: Job, asks: list[Ask]) -> int:
    places = asyncio.Semaphore(CONCURRENCY)
    async with Api(job.teacher, job.runtime.timeout_s) as api:

        async def one(ask: Ask) -> int:
            async with places:
                return int(load((await api.count_tokens(ask.body)).body)["input_tokens"])

        return sum(await asyncio.gather(*(one(ask) for ask in asks)))


def _worst_retry(job: Job, ask: Ask) -> Decimal:
    """The most that one more try costs, where the profile has one and this is not it."""
    cut_off = view.after_cut_off(job.teacher, ask)
    return job.price.worst(cut_off, job.batch) if cut_off else Decimal(0)


if __name__ == "__main__":
    cli.run(main)
