import pytest
from solution import parse_duration


def test_single_units():
    assert parse_duration("45s") == 45
    assert parse_duration("3m") == 180
    assert parse_duration("2h") == 7200
    assert parse_duration("1d") == 86400


def test_combined_units():
    assert parse_duration("1h30m") == 5400
    assert parse_duration("1d2h3m4s") == 93784
    assert parse_duration("2d5s") == 172805


def test_zero_and_large_amounts():
    assert parse_duration("0s") == 0
    assert parse_duration("120m") == 7200


def test_surrounding_whitespace():
    assert parse_duration("  15m\n") == 900


def test_empty():
    for text in ("", "   "):
        with pytest.raises(ValueError):
            parse_duration(text)


def test_invalid():
    for text in ("90", "h", "1x", "30m1h", "1h2h", "-5m", "1.5h", "1h 30m", "1h30", "soon"):
        with pytest.raises(ValueError):
            parse_duration(text)
