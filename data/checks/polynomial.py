import pytest

from solution import Polynomial


def test_coefficients_are_trimmed():
    assert list(Polynomial([1, 2, 3]).coefficients) == [1, 2, 3]
    assert list(Polynomial([4, 0, 0]).coefficients) == [4]
    assert list(Polynomial([0, 1, 0, 7, 0]).coefficients) == [0, 1, 0, 7]
    assert list(Polynomial([0, 0, 0]).coefficients) == [0]


def test_degree():
    assert Polynomial([1, 2, 3]).degree() == 2
    assert Polynomial([1, 2, 0, 0]).degree() == 1
    assert Polynomial([9]).degree() == 0
    assert Polynomial([0, 0]).degree() == 0


def test_evaluate():
    cubic = Polynomial([1, -2, 0, 3])
    assert cubic.evaluate(0) == 1
    assert cubic.evaluate(2) == 21
    assert cubic.evaluate(-1) == 0
    assert Polynomial([0.5, 0.25]).evaluate(2) == pytest.approx(1.0)
    assert Polynomial([6]).evaluate(100) == 6


def test_derivative():
    assert list(Polynomial([1, -2, 0, 3]).derivative()) == [-2, 0, 9]
    assert list(Polynomial([8, 5]).derivative()) == [5]
    assert list(Polynomial([1, 4, 0, 0]).derivative()) == [4]


def test_constants_and_errors():
    assert list(Polynomial([7]).derivative()) == [0]
    assert list(Polynomial([0]).derivative()) == [0]
    assert Polynomial([0]).evaluate(3) == 0
    with pytest.raises(ValueError):
        Polynomial([])
