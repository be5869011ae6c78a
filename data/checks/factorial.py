import pytest
from solution import factorial


def test_small_values():
    assert factorial(1) == 1
    assert factorial(3) == 6
    assert factorial(5) == 120


def test_zero():
    assert factorial(0) == 1


def test_large_value_is_exact():
    assert factorial(20) == 2432902008176640000


def test_negative():
    for n in (-1, -7):
        with pytest.raises(ValueError):
            factorial(n)
