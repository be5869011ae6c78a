import pytest

from solution import determinant


def test_small():
    assert determinant([[7]]) == 7
    assert determinant([[1, 2], [3, 4]]) == -2
    assert determinant([[2, 0, 1], [1, 3, 2], [1, 1, 4]]) == 18


def test_zero_pivots():
    assert determinant([[0, 1], [1, 0]]) == -1
    assert determinant([[0, 0, 2], [0, 3, 0], [4, 0, 0]]) == -24
    assert determinant([[1, 2, 3], [2, 4, 5], [3, 5, 6]]) == -1


def test_singular():
    assert determinant([[1, 2, 3], [4, 5, 6], [7, 8, 9]]) == 0
    assert determinant([[0, 0], [0, 5]]) == 0


def test_exact_for_large_entries():
    big = 10**20
    assert determinant([[big + 1, big], [big, big - 1]]) == -1
    result = determinant([[3, 1], [1, 3]])
    assert result == 8
    assert type(result) is int


def test_larger_matrix():
    size = 12
    matrix = [[min(i, j) + 1 for j in range(size)] for i in range(size)]
    assert determinant(matrix) == 1
    matrix[0], matrix[1] = matrix[1], matrix[0]
    assert determinant(matrix) == -1
    assert determinant([[2 if i == j else 0 for j in range(30)] for i in range(30)]) == 2**30


def test_empty_and_not_square():
    assert determinant([]) == 1
    for bad in ([[1, 2]], [[1, 2], [3]], [[1], [2]]):
        with pytest.raises(ValueError):
            determinant(bad)
