import pytest

from solution import matrix_multiply


def product(a, b):
    return [list(row) for row in matrix_multiply(a, b)]


def test_square():
    assert product([[1, 2], [3, 4]], [[5, 6], [7, 8]]) == [[19, 22], [43, 50]]
    assert product([[1, 2], [3, 4]], [[0, 1], [1, 0]]) == [[2, 1], [4, 3]]


def test_rectangular():
    assert product([[1, 2, 3], [4, 5, 6]], [[7, 8], [9, 10], [11, 12]]) == [[58, 64], [139, 154]]
    assert product([[7, 8], [9, 10], [11, 12]], [[1, 2, 3], [4, 5, 6]]) == [
        [39, 54, 69],
        [49, 68, 87],
        [59, 82, 105],
    ]


def test_vectors_and_scalars():
    assert product([[1, 2, 3]], [[4], [5], [6]]) == [[32]]
    assert product([[4], [5]], [[1, 2, 3]]) == [[4, 8, 12], [5, 10, 15]]
    assert product([[-3]], [[0.5]]) == [[-1.5]]


def test_shape_errors():
    for a, b in [
        ([[1, 2]], [[1, 2]]),
        ([], [[1]]),
        ([[1]], []),
        ([[1, 2], [3]], [[1], [2]]),
        ([[1, 2]], [[1, 2], [3]]),
    ]:
        with pytest.raises(ValueError):
            matrix_multiply(a, b)
