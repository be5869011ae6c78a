import pytest

from solution import SegmentTree


def test_sums():
    tree = SegmentTree([5, 1, 4, 2, 8, 7])
    assert len(tree) == 6
    assert tree.range_sum(0, 6) == 27
    assert tree.range_sum(2, 5) == 14
    assert tree.range_sum(3, 4) == 2
    assert tree.range_sum(3, 3) == 0


def test_update_replaces():
    tree = SegmentTree([5, 1, 4, 2, 8, 7])
    tree.update(1, 10)
    assert tree.range_sum(0, 2) == 15
    assert tree.range_sum(1, 2) == 10
    tree.update(1, -3)
    tree.update(5, 0)
    assert tree.range_sum(0, 6) == 16
    assert tree.range_sum(2, 5) == 14


def test_all_ranges_after_updates():
    values = [3, -1, 4, 1, -5, 9, 2, 6, 5, 3, 5]
    tree = SegmentTree(list(values))
    for index, value in ((0, 7), (10, -2), (4, 4), (4, 0)):
        values[index] = value
        tree.update(index, value)
    for left in range(len(values) + 1):
        for right in range(left, len(values) + 1):
            assert tree.range_sum(left, right) == sum(values[left:right])


def test_tiny():
    tree = SegmentTree([42])
    assert tree.range_sum(0, 1) == 42
    tree.update(0, 6)
    assert tree.range_sum(0, 1) == 6
    empty = SegmentTree([])
    assert len(empty) == 0
    assert empty.range_sum(0, 0) == 0


def test_errors():
    tree = SegmentTree([1, 2, 3])
    for left, right in ((-1, 2), (0, 4), (2, 1)):
        with pytest.raises(IndexError):
            tree.range_sum(left, right)
    for index in (3, -1):
        with pytest.raises(IndexError):
            tree.update(index, 5)
