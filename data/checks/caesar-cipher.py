import pytest
from solution import caesar_cipher


def test_simple_shift():
    assert caesar_cipher("abc", 3) == "def"
    assert caesar_cipher("HELLO", 13) == "URYYB"


def test_wraps_and_keeps_case():
    assert caesar_cipher("xyz XYZ", 3) == "abc ABC"


def test_other_characters_unchanged():
    assert caesar_cipher("Hi, 42 cafés!", 1) == "Ij, 42 dbgét!"
    assert caesar_cipher("", 5) == ""


def test_negative_and_large_shifts():
    assert caesar_cipher("abc", -1) == "zab"
    assert caesar_cipher("Zebra", 26) == "Zebra"
    assert caesar_cipher("Zebra", 53) == "Afcsb"
    assert caesar_cipher("Dog", -29) == "Ald"


def test_shift_must_be_an_integer():
    for shift in (1.5, "3", None):
        with pytest.raises(TypeError):
            caesar_cipher("abc", shift)
