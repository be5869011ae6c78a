import pytest

from solution import spiral_order


def test_square():
    assert list(spiral_order([[1, 2, 3], [4, 5, 6], [7, 8, 9]])) == [1, 2, 3, 6, 9, 8, 7, 4, 5]
    assert list(spiral_order([[1, 2], [3, 4]])) == [1, 2, 4, 3]


def test_rectangles():
    assert list(spiral_order([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])) == [
        1, 2, 3, 4, 8, 12, 11, 10, 9, 5, 6, 7,
    ]
    assert list(spiral_order([[1, 2], [3, 4], [5, 6], [7, 8]])) == [1, 2, 4, 6, 8, 7, 5, 3]
    assert list(spiral_order([[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12], [13, 14, 15]])) == [
        1, 2, 3, 6, 9, 12, 15, 14, 13, 10, 7, 4, 5, 8, 11,
    ]


def test_single_row_column_cell():
    assert list(spiral_order([[6, 7, 8]])) == [6, 7, 8]
    assert list(spiral_order([[6], [7], [8]])) == [6, 7, 8]
    assert list(spiral_order([["x"]])) == ["x"]


def test_empty_and_ragged():
    assert list(spiral_order([])) == []
    with pytest.raises(ValueError):
        spiral_order([[1, 2], [3]])
    with pytest.raises(ValueError):
        spiral_order([[1], [2, 3], [4]])
