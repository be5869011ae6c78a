import pytest
from solution import roman_to_integer


def test_additive():
    assert roman_to_integer("III") == 3
    assert roman_to_integer("LXXVIII") == 78
    assert roman_to_integer("MMXXVI") == 2026


def test_subtractive():
    assert roman_to_integer("IV") == 4
    assert roman_to_integer("IX") == 9
    assert roman_to_integer("XC") == 90
    assert roman_to_integer("CDXLIV") == 444
    assert roman_to_integer("MCMXCIV") == 1994


def test_limits():
    assert roman_to_integer("I") == 1
    assert roman_to_integer("MMMCMXCIX") == 3999


def test_unknown_text():
    for numeral in ("", "ABC", "X1", "xiv", "X V"):
        with pytest.raises(ValueError):
            roman_to_integer(numeral)


def test_not_in_standard_form():
    for numeral in ("IIII", "VV", "VX", "IC", "IXI", "XCX", "IIX"):
        with pytest.raises(ValueError):
            roman_to_integer(numeral)
