"""What `collect` would cost: how many calls are missing from the ledger, and their price at most and about.

    python -m distill.estimate        (or `make estimate`)

The prompts are expanded here, so that an estimate needs no file of an earlier stage, and is for what `dvc repro` would
ask. Nothing that costs money is sent. Input tokens are counted by the API's count-tokens endpoint, or without a key by
the student's tokenizer. The length of answers is estimated from the ledger's answers to these prompts, else from its
other answers of that model and cap, else from runtime.expected_output_tokens. The report says which of these it used.
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
from distill.api.obtain import Collection, opened
from distill.api.pricing import all_prices
from distill.api.profiles import BatchesTeacher, FilesTeacher
from distill.api.request import Request
from distill.api.response import Unreadable, Usage, load
from distill.common import cli
from distill.common.config import profile, section
from distill.expand_prompts.stage import SOURCE, ExpandParams, expand
from distill.shared.workspace import root
from distill.student.model import StudentProfile, load_tokenizer

# Tokens of so many prompts are counted; the others are assumed to have as many tokens per byte.
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
    with opened(name, teacher, args.params, prompts) as collection:
        if collection.runtime.hydrate and (count := hydrate.hydrate(collection.ledger, root())):
            print(f"{collection.ledger.path}: {count} answers taken over from committed data", file=sys.stderr)
        print("\n".join(lines(collection, estimate(collection))))


def estimate(collection: Collection) -> Estimate:
    """Return what the calls that `collection` lacks cost."""
    on_its_way = under_way(collection)
    wanted = waiting = missing = bytes_missing = 0
    requests: list[Request] = []
    lengths: list[int] = []
    first = again = Decimal(0)
    for entry in answers.entries(collection.prompts(), collection.teacher, collection.ledger):
        wanted += 1
        if entry.answer is not None:
            lengths.append(entry.answer.usage.output_tokens)
        elif entry.request.key in on_its_way:
            waiting += 1
        else:
            missing += 1
            bytes_missing += entry.request.size
            first += collection.price.worst(entry.request, collection.batch)
            again += _worst_retry(collection, entry.request)
            if len(requests) < COUNTED:
                requests.append(entry.request)
    tokens, counted_by = count(collection, requests)
    total = round(tokens * bytes_missing / sum(request.size for request in requests)) if requests else 0
    length, lengths_from = expected_length(collection, lengths)
    output = round(missing * length)
    about = collection.price.cost(Usage(total, output, batch=collection.batch))
    return Estimate(wanted, missing, waiting, total, counted_by, output, lengths_from, about, first, first + again)


def expected_length(collection: Collection, lengths: list[int]) -> tuple[float, str]:
    """Return the expected tokens of an answer, and where the number is from; `lengths` are those of known answers.

    They come first because a judge may be the same model, and its short verdicts must not count as answers.
    """
    if lengths:
        return mean(lengths), "the mean of the answers that are there"
    others = collection.ledger.mean_output(collection.teacher.model, collection.teacher.max_tokens)
    if others is not None:
        return others, "the mean of the ledger's other answers of this model and max_tokens"
    return collection.runtime.expected_output_tokens, "runtime.expected_output_tokens"


def under_way(collection: Collection) -> set[str]:
    """Return the keys of calls in open batches, whose answers `collect` will use instead of asking again."""
    return {key for batch in collection.ledger.open_batches() for key in collection.ledger.batch_calls(batch["id"])}


def lines(collection: Collection, result: Estimate) -> Iterator[str]:
    """Yield the report."""
    way = "Message Batches API" if isinstance(collection.teacher, BatchesTeacher) else "Messages API"
    spent, reserved = collection.ledger.spent(all_prices(collection.params))
    budget = "none" if collection.runtime.budget_usd is None else f"${collection.runtime.budget_usd:.2f}"
    yield f"teacher {collection.name}: {collection.teacher.model}, {way}"
    stored = result.wanted - result.missing - result.under_way
    waiting = f"{result.under_way} in a batch under way, " if result.under_way else ""
    yield f"answers: {result.wanted} wanted, {stored} in the ledger, {waiting}{result.missing} missing"
    yield f"input: about {result.input_tokens} tokens, counted by {result.counted_by}"
    yield f"output: about {result.output_tokens} tokens, their length from {result.lengths_from}"
    again = f"${result.most_with_retries:.2f} if all are cut off and asked for once more"
    yield f"cost: about ${result.about:.2f}; at most ${result.most:.2f}, or {again}"
    yield f"budget: {budget}, of which ${spent + reserved:.2f} is spent, may have been, or is under way"
    if note := collection.unpriced():
        yield f"note: {note}"


def count(collection: Collection, requests: list[Request]) -> tuple[int, str]:
    """Return the input tokens of `requests`, and who counted them."""
    key_env = collection.teacher.key_env
    if key_env is None or os.environ.get(key_env):
        try:
            return asyncio.run(_count_by_api(collection, requests)), "the API's count-tokens endpoint"
        except (Refused, Transient, Unreadable, KeyError) as error:
            print(f"note: the API does not count the tokens ({error})", file=sys.stderr)
    _, student = profile(StudentProfile, "student", collection.params)
    tokenizer = load_tokenizer(student)
    texts = (f"{collection.teacher.system or ''}{request.body['messages'][0]['content']}" for request in requests)
    return sum(len(tokenizer(text)["input_ids"]) for text in texts), f"the tokenizer of {student.base_model}"


async def _count_by_api(collection: Collection, requests: list[Request]) -> int:
    places = asyncio.Semaphore(CONCURRENCY)
    async with Api(collection.teacher, collection.runtime.timeout_s) as api:

        async def one(request: Request) -> int:
            async with places:
                return int(load((await api.count_tokens(request.body)).body)["input_tokens"])

        return sum(await asyncio.gather(*(one(request) for request in requests)))


def _worst_retry(collection: Collection, request: Request) -> Decimal:
    """Return the most that a second try can cost; 0 where there is none."""
    cut_off = answers.after_cut_off(collection.teacher, request)
    return collection.price.worst(cut_off, collection.batch) if cut_off else Decimal(0)


if __name__ == "__main__":
    cli.run(main)
