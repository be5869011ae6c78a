import pytest
from solution import chunk_list


def test_even_split():
    assert [list(c) for c in chunk_list([1, 2, 3, 4, 5, 6], 3)] == [[1, 2, 3], [4, 5, 6]]


def test_shorter_last_piece():
    assert [list(c) for c in chunk_list([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
    assert [list(c) for c in chunk_list(["x", "y"], 10)] == [["x", "y"]]


def test_size_one():
    assert [list(c) for c in chunk_list([8, 9], 1)] == [[8], [9]]


def test_empty_list():
    assert list(chunk_list([], 3)) == []


def test_invalid_size():
    for size in (0, -2):
        with pytest.raises(ValueError):
            chunk_list([1, 2, 3], size)
