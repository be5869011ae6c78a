import pytest

from solution import flatten_nested


def test_deep_nesting():
    assert list(flatten_nested([1, [2, [3, [4, [5]]]], 6])) == [1, 2, 3, 4, 5, 6]
    assert list(flatten_nested([[[[[[["core"]]]]]]])) == ["core"]


def test_order_and_falsy_leaves():
    assert list(flatten_nested([[0, [False]], ["", None], [[0.0]]])) == [0, False, "", None, 0.0]
    assert list(flatten_nested([[3, 1], 2, [[1], 3]])) == [3, 1, 2, 1, 3]


def test_strings_and_dicts_stay_whole():
    assert list(flatten_nested(["abc", ["de", [{"a": [1, 2]}]]])) == ["abc", "de", {"a": [1, 2]}]


def test_tuples_are_opened():
    assert list(flatten_nested([(1, 2), [(3, [4, (5,)])]])) == [1, 2, 3, 4, 5]
    assert list(flatten_nested((1, [2]))) == [1, 2]


def test_empty_and_errors():
    assert list(flatten_nested([[], [[], [[]]]])) == []
    assert list(flatten_nested([1, [], [2, []]])) == [1, 2]
    for bad in ("abc", 5, None):
        with pytest.raises(TypeError):
            flatten_nested(bad)
