from solution import binary_search


def test_every_position_is_found():
    items = [1, 4, 6, 9, 13, 20]
    assert [binary_search(items, item) for item in items] == [0, 1, 2, 3, 4, 5]


def test_absent_values():
    assert binary_search([1, 4, 6, 9], 5) == -1
    assert binary_search([1, 4, 6, 9], 0) == -1
    assert binary_search([1, 4, 6, 9], 10) == -1


def test_empty_and_single():
    assert binary_search([], 3) == -1
    assert binary_search([3], 3) == 0
    assert binary_search([3], 4) == -1


def test_first_of_equal_values():
    assert binary_search([2, 5, 5, 5, 8], 5) == 1
    assert binary_search([7, 7, 7, 7], 7) == 0
    assert binary_search([1, 2, 2], 2) == 1


def test_strings_and_long_list():
    assert binary_search(["a", "c", "f"], "f") == 2
    assert binary_search(list(range(0, 20000, 2)), 13578) == 6789
