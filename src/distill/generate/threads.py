"""Several batches at once, each in a thread with cores of its own.

One batch on all cores leaves some of them idle: many operations of a decoding step are too small to be shared out, and
each that is shared ends when the slowest core does. Batches side by side share the weights' memory and do not wait for
each other, but each of them reads all weights in every step. So where the rows fit into one batch, one is faster than
two of half the size (290 and 226 tokens/s for 48 answers on 2 cores).

What a batch computes, to the last bit, depends on how many cores it has, and never on what runs beside it. On a GPU
there is one thread.

Where several processes generate (`shares`), each takes its share of the batches, and its part of the threads; a batch
has as many cores as with one process.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

import torch

from distill.shared import device

MOST = 4
"""Threads; with more, they wait for Python's lock."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Share:
    """What one of several processes does: of all batches every `of`-th, from that with this `number` on."""

    number: int = 0
    of: int = 1

    def among(self, batches: Sequence[Item]) -> Sequence[Item]:
        """Return this process's batches."""
        return batches[self.number :: self.of]


ALL = Share()


def run(
    work: Callable[[Item], Iterator[Result]], items: Sequence[Item], total: int, processes: int = 1
) -> Iterator[Result]:
    """Yield what `work(item)` yields for all items, in the caller's thread, as it comes; items are taken in order.

    The first error of any thread is raised here. Then, or when the caller stops, the threads stop at their next result.

    Args:
        work: Called in a thread with one item.
        items: Batches.
        total: How many batches there were before any was done. The number of threads follows from it, so that a run
            that was interrupted computes the rest with as many cores a batch as before.
        processes: How many processes share the cores.
    """
    count, cores = share(total)
    count = max(1, count // processes)
    results, stop = SimpleQueue[Result | Future[None]](), Event()

    def produce(item: Item) -> None:
        for result in work(item):
            results.put(result)
            if stop.is_set():
                return

    with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(cores,)) as pool:
        try:
            for item in items:
                pool.submit(produce, item).add_done_callback(results.put)
            yield from _collect(results, len(items))
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def share(total: int) -> tuple[int, int]:
    """Return how many threads there are for so many batches, and how many cores each has."""
    cores = torch.get_num_threads()
    count = device.batches_at_once(total, MOST)
    return count, max(1, cores // count)


def _collect(results: "SimpleQueue[Result | Future[None]]", items: int) -> Iterator[Result]:
    """Yield results until all items have ended, each of which puts its future last; raise the error that one has."""
    while items:
        result = results.get()
        if isinstance(result, Future):
            result.result()
            items -= 1
        else:
            yield result
