import pytest

from solution import word_break


def verify(text, dictionary):
    words = list(word_break(text, list(dictionary)))
    assert "".join(words) == text
    assert all(word in dictionary for word in words)


def test_unique_solutions():
    assert list(word_break("leetcode", ["leet", "code"])) == ["leet", "code"]
    assert list(word_break("applepenapple", ["apple", "pen"])) == ["apple", "pen", "apple"]


def test_longest_or_shortest_first_fails():
    assert list(word_break("goalspecial", ["go", "goals", "goal", "special"])) == ["goal", "special"]
    verify("aaaaaaa", ["aaaa", "aaa"])
    verify("carsandcats", ["car", "cars", "s", "sand", "and", "cats"])


def test_impossible():
    assert word_break("catsandog", ["cats", "dog", "sand", "and", "cat"]) is None
    assert word_break("abc", []) is None
    assert word_break("ab", ["abc"]) is None
    assert word_break("Word", ["word"]) is None


def test_empty_text():
    assert list(word_break("", ["a"])) == []
    assert list(word_break("", [])) == []


def test_no_exponential_time():
    assert word_break("a" * 150 + "b", ["a", "aa", "aaa", "aaaa"]) is None
    verify("a" * 150 + "b", ["a", "aa", "aaa", "ab"])


def test_empty_word():
    with pytest.raises(ValueError):
        word_break("abc", ["abc", ""])
