from solution import unique_in_order


def test_repeats_are_dropped():
    assert unique_in_order([3, 1, 3, 2, 1]) == [3, 1, 2]
    assert unique_in_order(["b", "a", "b"]) == ["b", "a"]


def test_neighbouring_repeats():
    assert unique_in_order([7, 7, 7]) == [7]
    assert unique_in_order([9, 9, 4, 4, 9]) == [9, 4]


def test_nothing_to_drop():
    assert unique_in_order([5, 4, 6]) == [5, 4, 6]
    assert unique_in_order([]) == []


def test_tuples_and_none():
    assert unique_in_order([(1, 2), None, (1, 2), None]) == [(1, 2), None]
