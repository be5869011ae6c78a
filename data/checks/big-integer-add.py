import pytest

from solution import add_decimal


def test_positive():
    assert add_decimal("123", "877") == "1000"
    assert add_decimal("5", "99999") == "100004"
    assert add_decimal("0", "17") == "17"


def test_signs():
    assert add_decimal("-12", "-9") == "-21"
    assert add_decimal("1000", "-1") == "999"
    assert add_decimal("1", "-1000") == "-999"
    assert add_decimal("-50", "75") == "25"
    assert add_decimal("1000", "-999") == "1"


def test_canonical_result():
    assert add_decimal("+007", "+08") == "15"
    assert add_decimal("-5", "5") == "0"
    assert add_decimal("-0", "0") == "0"
    assert add_decimal("-000", "-00") == "0"
    assert add_decimal("000012", "-0002") == "10"


def test_very_long():
    assert add_decimal("9" * 6000, "1") == "1" + "0" * 6000
    assert add_decimal("1" + "0" * 6000, "-1") == "9" * 6000
    x, y = 3**150, -(7**130)
    assert add_decimal(str(x), str(y)) == str(x + y)


def test_malformed():
    for bad in ("", "-", "12a", "1.5", "--3", "4-4"):
        with pytest.raises(ValueError):
            add_decimal(bad, "1")
        with pytest.raises(ValueError):
            add_decimal("1", bad)
