"""Several batches at once, each in a thread with cores of its own.

One batch on all cores leaves some of them waiting: much of a decoding step is operations too small to be shared out,
and every shared one ends with all cores waiting for the slowest. Batches side by side share the weights' memory and
wait for nobody; but each reads all weights in every step, so one batch of twice the rows is faster than two (290 and
226 tokens/s for 48 answers on 2 cores). What a batch computes depends on how many cores it has, never on what runs
beside it.

What it will not do: use more than one thread where there is a GPU.
"""

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeVar

import torch

MOST = 4
"""Threads; Python's lock makes more of them wait for each other."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class _End:
    """What a thread puts last into the queue: the error that it ended with, if any."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def run(work: Callable[[Item], Iterator[Result]], items: Sequence[Item], total: int) -> Iterator[Result]:
    """Yield what `work(item)` yields for all items, in the caller's thread, as it comes; items are taken in order.

    The first error of any thread is raised here. When the caller stops, the threads stop at their next result.

    Args:
        work: Called in a thread with one item.
        items: Batches.
        total: How many there were before any was done: what is left of them is to have the cores that all had.
    """
    count, cores = share(total)
    waiting, results, stop = SimpleQueue[Item](), SimpleQueue[Result | _End](), Event()
    for item in items:
        waiting.put(item)
    threads = [Thread(target=_work, args=(work, waiting, results, stop, cores), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield from _collect(results, count)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def share(total: int) -> tuple[int, int]:
    """Return how many threads there are for so many batches, and how many cores each has."""
    cores = torch.get_num_threads()
    count = 1 if torch.cuda.is_available() else max(1, min(total, cores, MOST))
    return count, max(1, cores // count)


def _collect(results: "SimpleQueue[Result | _End]", count: int) -> Iterator[Result]:
    while count:
        result = results.get()
        if not isinstance(result, _End):
            yield result
        elif result.error:
            raise result.error
        else:
            count -= 1


def _work(
    work: Callable[[Item], Iterator[Result]],
    waiting: "SimpleQueue[Item]",
    results: "SimpleQueue[Result | _End]",
    stop: Event,
    cores: int,
) -> None:
    torch.set_num_threads(cores)  # of this thread; the others keep theirs
    try:
        while not stop.is_set():
            for result in work(waiting.get_nowait()):
                results.put(result)
                if stop.is_set():
                    return
    except Empty:
        results.put(_End())
    except BaseException as error:
        results.put(_End(error))
