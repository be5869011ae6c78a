import pytest

from solution import kmp_search


def test_simple():
    assert list(kmp_search("the cat sat on the mat", "at")) == [5, 9, 20]
    assert list(kmp_search("hello", "hello")) == [0]
    assert list(kmp_search("abc", "c")) == [2]


def test_overlapping():
    assert list(kmp_search("aaaaa", "aa")) == [0, 1, 2, 3]
    assert list(kmp_search("abababab", "abab")) == [0, 2, 4]


def test_fallback_inside_pattern():
    assert list(kmp_search("aabaaabaaac", "aabaaac")) == [4]
    assert list(kmp_search("ababcababcabababd", "ababd")) == [12]
    assert list(kmp_search("aaab", "aab")) == [1]


def test_absent():
    assert list(kmp_search("abcdef", "acd")) == []
    assert list(kmp_search("ab", "abc")) == []
    assert list(kmp_search("", "a")) == []
    assert list(kmp_search("ABC", "abc")) == []


def test_long_input():
    text = "a" * 20000 + "b"
    assert list(kmp_search(text, "a" * 5000 + "b")) == [15000]


def test_empty_pattern():
    with pytest.raises(ValueError):
        kmp_search("abc", "")
