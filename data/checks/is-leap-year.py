from solution import is_leap_year


def test_ordinary_leap_years():
    assert is_leap_year(2024) is True
    assert is_leap_year(1996) is True


def test_common_years():
    assert is_leap_year(2023) is False
    assert is_leap_year(2022) is False


def test_centuries():
    assert is_leap_year(1900) is False
    assert is_leap_year(2100) is False
    assert is_leap_year(2000) is True
    assert is_leap_year(2400) is True
