"""A function over batches of many items, on all cores, its results in the batches' order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
BATCH = 256
FEW = 8
"""Fewer batches are done sooner here than other processes have started."""


def in_order(function: Callable[[list[Item]], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield `function` of each batch of items; it must be importable by name (or a partial of such a function).

    Only a few batches are in memory at a time.
    """
    remaining = iter(items)
    batches = iter(lambda: list(islice(remaining, BATCH)), [])
    first = list(islice(batches, FEW))
    if len(first) < FEW:
        yield from map(function, first)
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    under_way: deque[Future[Result]] = deque()
    with ProcessPoolExecutor(cores, initializer=_one_thread) as pool:
        try:
            for batch in chain(first, batches):
                under_way.append(pool.submit(function, batch))
                if len(under_way) > 2 * cores:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # there is a process for each core
