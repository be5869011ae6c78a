from solution import is_prime


def test_primes():
    for n in (2, 3, 5, 17, 97, 7919):
        assert is_prime(n) is True


def test_composites():
    for n in (4, 6, 15, 100, 7917):
        assert is_prime(n) is False


def test_squares_of_primes():
    assert is_prime(9) is False
    assert is_prime(25) is False
    assert is_prime(49) is False


def test_below_two():
    assert is_prime(1) is False
    assert is_prime(0) is False
    assert is_prime(-7) is False
