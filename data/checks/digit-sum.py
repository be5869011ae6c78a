from solution import digit_sum


def test_several_digits():
    assert digit_sum(123) == 6
    assert digit_sum(9875) == 29


def test_single_digit_and_zero():
    assert digit_sum(8) == 8
    assert digit_sum(0) == 0


def test_inner_and_trailing_zeros():
    assert digit_sum(10020) == 3


def test_negative():
    assert digit_sum(-472) == 13
    assert digit_sum(-5) == 5
