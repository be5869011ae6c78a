import pytest
from solution import transpose_matrix


def test_rectangular():
    assert [list(r) for r in transpose_matrix([[1, 2, 3], [4, 5, 6]])] == [[1, 4], [2, 5], [3, 6]]


def test_square():
    assert [list(r) for r in transpose_matrix([[1, 2], [3, 4]])] == [[1, 3], [2, 4]]


def test_single_row_and_column():
    assert [list(r) for r in transpose_matrix([[7, 8, 9]])] == [[7], [8], [9]]
    assert [list(r) for r in transpose_matrix([["p"], ["q"]])] == [["p", "q"]]


def test_result_is_a_list_of_lists():
    result = transpose_matrix([[0, None], [True, "x"]])
    assert result == [[0, True], [None, "x"]]


def test_empty():
    assert transpose_matrix([]) == []


def test_unequal_rows():
    for matrix in ([[1, 2, 3], [4, 5]], [[1], [2, 3]], [[1, 2], []]):
        with pytest.raises(ValueError):
            transpose_matrix(matrix)
