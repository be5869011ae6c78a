import pytest

from solution import is_valid_sudoku

GOOD = [
    "53..7....",
    "6..195...",
    ".98....6.",
    "8...6...3",
    "4..8.3..1",
    "7...2...6",
    ".6....28.",
    "...419..5",
    "....8..79",
]
FULL = [
    "534678912",
    "672195348",
    "198342567",
    "859761423",
    "426853791",
    "713924856",
    "961537284",
    "287419635",
    "345286179",
]


def put(cells):
    grid = [["."] * 9 for _ in range(9)]
    for y, x, digit in cells:
        grid[y][x] = digit
    return ["".join(line) for line in grid]


def test_valid_boards():
    assert is_valid_sudoku(GOOD) is True
    assert is_valid_sudoku(FULL) is True
    assert is_valid_sudoku(put([(0, 0, "4"), (1, 3, "4"), (4, 1, "4"), (8, 8, "4")])) is True
    assert is_valid_sudoku(put([(2, 2, "9"), (3, 3, "9")])) is True


def test_row_and_column_conflicts():
    assert is_valid_sudoku(put([(4, 0, "5"), (4, 8, "5")])) is False
    assert is_valid_sudoku(put([(0, 6, "1"), (8, 6, "1")])) is False


def test_box_conflicts():
    assert is_valid_sudoku(put([(0, 0, "2"), (1, 1, "2")])) is False
    assert is_valid_sudoku(put([(6, 3, "8"), (8, 5, "8")])) is False
    assert is_valid_sudoku(put([(3, 8, "3"), (5, 7, "3")])) is False
    assert is_valid_sudoku(["83" + GOOD[0][2:]] + GOOD[1:]) is False


def test_malformed():
    for board in (
        GOOD[:8],
        GOOD + ["........."],
        GOOD[:8] + ["........"],
        GOOD[:8] + ["....0...."],
        GOOD[:8] + ["x........"],
    ):
        with pytest.raises(ValueError):
            is_valid_sudoku(board)
