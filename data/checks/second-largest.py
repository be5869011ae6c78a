import pytest
from solution import second_largest


def test_unsorted_numbers():
    assert second_largest([3, 1, 5, 4]) == 4
    assert second_largest([10, 2]) == 2
    assert second_largest([1.5, 2.5, 0.5]) == 1.5


def test_repeated_maximum():
    assert second_largest([8, 8, 7, 8, 1]) == 7


def test_negative_numbers():
    assert second_largest([-10, -2, -30, -2]) == -10


def test_too_few_distinct_values():
    for numbers in ([], [5], [4, 4, 4]):
        with pytest.raises(ValueError):
            second_largest(numbers)
