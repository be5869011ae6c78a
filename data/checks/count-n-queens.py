import pytest

from solution import count_n_queens


def test_small_boards():
    assert count_n_queens(1) == 1
    assert count_n_queens(2) == 0
    assert count_n_queens(3) == 0


def test_medium_boards():
    assert count_n_queens(5) == 10
    assert count_n_queens(6) == 4


def test_eight_queens():
    assert count_n_queens(8) == 92


def test_empty_and_negative():
    assert count_n_queens(0) == 1
    with pytest.raises(ValueError):
        count_n_queens(-1)
