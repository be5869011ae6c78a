import pytest
from solution import celsius_to_fahrenheit


def test_known_points():
    assert celsius_to_fahrenheit(0) == pytest.approx(32)
    assert celsius_to_fahrenheit(100) == pytest.approx(212)
    assert celsius_to_fahrenheit(-40) == pytest.approx(-40)


def test_fractions_are_kept():
    assert celsius_to_fahrenheit(37) == pytest.approx(98.6)
    assert celsius_to_fahrenheit(21.37) == pytest.approx(70.466)


def test_absolute_zero():
    assert celsius_to_fahrenheit(-273.15) == pytest.approx(-459.67)
    with pytest.raises(ValueError):
        celsius_to_fahrenheit(-273.16)
    with pytest.raises(ValueError):
        celsius_to_fahrenheit(-1000)
