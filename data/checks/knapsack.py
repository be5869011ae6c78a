from itertools import combinations

import pytest

from solution import knapsack


def verify(items, capacity, expected):
    best, chosen = knapsack(list(items), capacity)
    chosen = list(chosen)
    assert best == expected
    assert chosen == sorted(set(chosen))
    assert all(0 <= i < len(items) for i in chosen)
    assert sum(items[i][0] for i in chosen) <= capacity
    assert sum(items[i][1] for i in chosen) == expected


def test_greedy_choice_fails():
    verify([(10, 60), (20, 100), (30, 120)], 50, 220)
    verify([(6, 30), (3, 14), (4, 16), (2, 9)], 10, 46)
    verify([(1, 2), (10, 10)], 10, 10)


def test_each_item_once():
    verify([(1, 5), (7, 8)], 6, 5)
    verify([(2, 3), (2, 3)], 100, 6)


def test_limits():
    verify([], 10, 0)
    verify([(5, 10)], 4, 0)
    verify([(5, 10)], 5, 10)
    verify([(3, 7), (0, 4)], 0, 4)


def test_against_brute_force():
    items = [(7, 13), (3, 4), (9, 20), (4, 7), (6, 11), (2, 3), (5, 9), (8, 15)]
    for capacity in (1, 5, 12, 17, 23, 31, 44):
        expected = max(
            sum(items[i][1] for i in group)
            for size in range(len(items) + 1)
            for group in combinations(range(len(items)), size)
            if sum(items[i][0] for i in group) <= capacity
        )
        verify(items, capacity, expected)


def test_negative_input():
    for items, capacity in [([(1, 1)], -1), ([(-1, 5)], 5), ([(1, -5)], 5)]:
        with pytest.raises(ValueError):
            knapsack(items, capacity)
