from solution import greatest_common_divisor


def test_common_factor():
    assert greatest_common_divisor(48, 18) == 6
    assert greatest_common_divisor(18, 48) == 6
    assert greatest_common_divisor(1071, 462) == 21


def test_coprime_and_equal():
    assert greatest_common_divisor(17, 4) == 1
    assert greatest_common_divisor(14, 14) == 14


def test_negative_arguments():
    assert greatest_common_divisor(-12, 8) == 4
    assert greatest_common_divisor(12, -8) == 4
    assert greatest_common_divisor(-12, -8) == 4


def test_zeros():
    assert greatest_common_divisor(0, -6) == 6
    assert greatest_common_divisor(10, 0) == 10
    assert greatest_common_divisor(0, 0) == 0
