"""distill.generate.threads: every item once, errors raised where they belong, cores shared, no thread left behind."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from distill.generate import threads


def count_up(item: int) -> Iterator[tuple[int, int]]:
    for number in range(item):
        yield item, number


def test_everything_comes_and_within_an_item_in_order() -> None:
    found = list(threads.run(count_up, [3, 1, 4, 0, 2], 5))
    assert sorted(found) == [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (4, 0), (4, 1), (4, 2), (4, 3)]
    for item in (2, 3, 4):
        assert [number for owner, number in found if owner == item] == list(range(item))


def test_nothing_to_do() -> None:
    assert list(threads.run(count_up, [], 0)) == []


def test_an_error_of_a_thread_is_raised_here_and_ends_the_others() -> None:
    before = threading.active_count()

    def work(item: int) -> Iterator[int]:
        if item == 2:
            raise ValueError("two")
        while True:
            yield item

    with pytest.raises(ValueError, match="two"):
        list(threads.run(work, [2, 1], 2))
    assert threading.active_count() == before


def test_threads_stop_when_the_caller_does_and_what_waits_is_never_begun() -> None:
    before, begun = threading.active_count(), []

    def work(item: int) -> Iterator[int]:
        begun.append(item)
        yield from range(10**9)

    results = threads.run(work, range(9), 2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert begun == list(range(len(begun)))
    assert len(begun) <= threads.share(2)[0]


@pytest.mark.parametrize(
    ("cores", "batches", "expected"),
    [(2, 2, (2, 1)), (2, 1, (1, 2)), (8, 2, (2, 4)), (32, 100, (4, 8)), (1, 5, (1, 1)), (3, 2, (2, 1)), (2, 0, (1, 2))],
)
def test_cores_are_shared(
    monkeypatch: pytest.MonkeyPatch, pretend: Any, cores: int, batches: int, expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    pretend("cpu")
    assert threads.share(batches) == expected


def test_several_processes_have_fewer_threads_each_of_as_many_cores(
    monkeypatch: pytest.MonkeyPatch, pretend: Any
) -> None:
    pretend("cpu")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    names: set[str] = set()
    both = threading.Barrier(2, timeout=60)  # two of them at a time, or it breaks

    def work(item: int) -> Iterator[int]:
        names.add(threading.current_thread().name)
        both.wait()
        yield item

    assert sorted(threads.run(work, range(8), 8, processes=2)) == list(range(8))
    assert len(names) == threads.share(8)[0] // 2 == 2


def test_a_share_is_every_so_many_th_batch() -> None:
    batches = [[number] for number in range(5)]
    assert threads.ALL.among(batches) == batches
    assert [threads.Share(number, 3).among(batches) for number in range(3)] == [[[0], [3]], [[1], [4]], [[2]]]
    assert threads.Share(6, 7).among(batches) == []


def test_a_thread_has_its_cores_and_the_caller_keeps_its_own() -> None:
    mine = torch.get_num_threads()
    _, cores = threads.share(2)

    def work(item: int) -> Iterator[int]:
        yield torch.get_num_threads()

    assert list(threads.run(work, [0, 1], 2)) == [cores, cores]
    # What is left of many batches has the cores that each of them had.
    assert list(threads.run(work, [0], 2)) == [cores]
    assert torch.get_num_threads() == mine
