import pytest

from solution import longest_common_prefix


def test_shared_prefix():
    assert longest_common_prefix(["flower", "flow", "flight"]) == "fl"
    assert longest_common_prefix(["car", "carpet", "cargo"]) == "car"
    assert longest_common_prefix(["carpet", "cargo", "car"]) == "car"


def test_outlier_in_the_middle():
    assert longest_common_prefix(["prefix", "pea", "prefab"]) == "p"
    assert longest_common_prefix(["abc", "xyz", "abc"]) == ""
    assert longest_common_prefix(["abcd", "ab", "abcd"]) == "ab"


def test_case_and_equal_words():
    assert longest_common_prefix(["Apple", "apple"]) == ""
    assert longest_common_prefix(["same", "same"]) == "same"


def test_small_inputs():
    assert longest_common_prefix([]) == ""
    assert longest_common_prefix(["alone"]) == "alone"
    assert longest_common_prefix(["", "word"]) == ""


def test_non_string():
    with pytest.raises(TypeError):
        longest_common_prefix(["a", 3])
    with pytest.raises(TypeError):
        longest_common_prefix([None, "a"])
