import pytest
from solution import average


def test_integers():
    assert average([1, 2, 3, 4]) == pytest.approx(2.5)
    assert average([7]) == pytest.approx(7.0)


def test_result_is_a_float():
    assert isinstance(average([2, 4]), float)


def test_floats_and_negative_numbers():
    assert average([0.1, 0.2, 0.6]) == pytest.approx(0.3)
    assert average([-5, 5, -9]) == pytest.approx(-3.0)
    assert average([0, 0]) == 0


def test_empty_list():
    with pytest.raises(ValueError):
        average([])
