import pytest
from solution import clamp


def test_inside_range_is_unchanged():
    assert clamp(3, 1, 8) == 3
    assert clamp(0.25, 0.0, 0.5) == 0.25


def test_outside_range_is_limited():
    assert clamp(-20, -4, 6) == -4
    assert clamp(99, -4, 6) == 6


def test_bounds_belong_to_range():
    assert clamp(1, 1, 8) == 1
    assert clamp(8, 1, 8) == 8
    assert clamp(11, 5, 5) == 5


def test_inverted_range():
    with pytest.raises(ValueError):
        clamp(3, 9, 2)
