import pytest

from solution import to_base


def test_common_bases():
    assert to_base(10, 2) == "1010"
    assert to_base(255, 16) == "ff"
    assert to_base(64, 8) == "100"
    assert to_base(123, 10) == "123"


def test_limits_of_the_range():
    assert to_base(35, 36) == "z"
    assert to_base(36, 36) == "10"
    assert to_base(1, 2) == "1"


def test_zero_and_negative():
    assert to_base(0, 7) == "0"
    assert to_base(-255, 16) == "-ff"
    assert to_base(-1, 2) == "-1"


def test_round_trip():
    for number in (10**30 + 7, -987654321, 46655):
        for base in (2, 3, 11, 36):
            assert int(to_base(number, base), base) == number


def test_errors():
    for base in (1, 0, 37, -2):
        with pytest.raises(ValueError):
            to_base(5, base)
    with pytest.raises(TypeError):
        to_base(2.5, 10)
    with pytest.raises(TypeError):
        to_base("12", 10)
