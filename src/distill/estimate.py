"""What `collect` would cost: how many calls are missing from the ledger, and their price at most and about.

    python -m distill.estimate        (or `make estimate`)

The prompts are expanded here, in passing: an estimate needs no file of an earlier stage, and is of what `dvc repro`
would ask. Nothing that costs money is sent. Input tokens are counted by the API's count-tokens endpoint where there is
a key, else by the student's tokenizer; how long answers will be is taken from those that the ledger has to these
prompts, else from others of that model and cap, else from runtime.expected_output_tokens. The report says which. What
it will not do: promise more than the worst case.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from statistics import mean

from distill.api import answers, hydrate, profiles
from distill.api.client import Api, Refused, Transient
from distill.api.obtain import Job, opened_job
from distill.api.pricing import all_prices
from distill.api.profiles import BatchesTeacher, FilesTeacher
from distill.api.request import Ask
from distill.api.response import Unreadable, Usage, load
from distill.common import cli
from distill.common.config import profile, section
from distill.expand_prompts.stage import SOURCE, ExpandParams, expand
from distill.shared.workspace import root
from distill.student.model import StudentProfile, load_tokenizer

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
    name, teacher = profiles.load(args.params)
    if isinstance(teacher, FilesTeacher):
        print(f"teacher {name}: its answers are files; no calls, $0.00")
        return
    prompts = partial(expand, SOURCE, section(ExpandParams, "expand_prompts", args.params))
    with opened_job(name, teacher, args.params, prompts) as job:
        if job.runtime.hydrate and (count := hydrate.hydrate(job.ledger, root())):
            print(f"{job.ledger.path}: {count} answers taken over from committed data", file=sys.stderr)
        print("\n".join(lines(job, estimate(job))))


def estimate(job: Job) -> Estimate:
    """Return what the calls that `job` lacks cost."""
    on_its_way = under_way(job)
    wanted = waiting = missing = bytes_missing = 0
    asks: list[Ask] = []
    lengths: list[int] = []
    first = again = Decimal(0)
    for entry in answers.entries(job.prompts(), job.teacher, job.ledger):
        wanted += 1
        if entry.answer is not None:
            lengths.append(entry.answer.usage.output_tokens)
        elif entry.ask.key in on_its_way:
            waiting += 1
        else:
            missing += 1
            bytes_missing += entry.ask.size
            first += job.price.worst(entry.ask, job.batch)
            again += _worst_retry(job, entry.ask)
            if len(asks) < COUNTED:
                asks.append(entry.ask)
    tokens, counted_by = count(job, asks)
    total = round(tokens * bytes_missing / sum(ask.size for ask in asks)) if asks else 0
    length, lengths_from = expected_length(job, lengths)
    output = round(missing * length)
    about = job.price.cost(Usage(total, output, batch=job.batch))
    return Estimate(wanted, missing, waiting, total, counted_by, output, lengths_from, about, first, first + again)


def expected_length(job: Job, lengths: list[int]) -> tuple[float, str]:
    """Return how many tokens an answer will have, and how that is known; `lengths` are those of this job's answers.

    A judge may be the same model, and its verdicts are short: its answers must not count as the teacher's.
    """
    if lengths:
        return mean(lengths), "the mean of the answers that are there"
    others = job.ledger.mean_output(job.teacher.model, job.teacher.max_tokens)
    if others is not None:
        return others, "the mean of the ledger's other answers of this model and max_tokens"
    return job.runtime.expected_output_tokens, "runtime.expected_output_tokens"


def under_way(job: Job) -> set[str]:
    """Return the keys of calls in open batches: `collect` takes these answers over, and does not ask again."""
    return {key for batch in job.ledger.open_batches() for key in job.ledger.batch_calls(batch["id"])}


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
    cut_off = answers.after_cut_off(job.teacher, ask)
    return job.price.worst(cut_off, job.batch) if cut_off else Decimal(0)


if __name__ == "__main__":
    cli.run(main)
