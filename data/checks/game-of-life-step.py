import pytest

from solution import game_of_life_step


def step(grid):
    return [[int(cell) for cell in row] for row in game_of_life_step(grid)]


def test_still_life_and_glider():
    block = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert step(block) == block
    assert step([[0, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0]]) == [
        [0, 0, 0],
        [1, 0, 1],
        [0, 1, 1],
        [0, 1, 0],
    ]


def test_overcrowding():
    assert step([[1, 1, 1], [1, 1, 1], [1, 1, 1]]) == [[1, 0, 1], [0, 0, 0], [1, 0, 1]]


def test_edges_do_not_wrap():
    assert step([[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]) == [[0] * 4] * 4
    assert step([[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]) == [
        [0, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_rectangles_and_single_cells():
    assert step([[1, 1, 1, 1, 1]]) == [[0, 1, 1, 1, 0]]
    assert step([[1], [1], [1]]) == [[0], [1], [0]]
    assert step([[1]]) == [[0]]


def test_empty_and_ragged():
    assert step([]) == []
    with pytest.raises(ValueError):
        game_of_life_step([[0, 1], [1]])
