from solution import is_anagram


def test_anagrams():
    assert is_anagram("listen", "silent") is True
    assert is_anagram("abba", "baab") is True


def test_case_and_spaces_are_ignored():
    assert is_anagram("Astronomer", "Moon starer") is True
    assert is_anagram("The Eyes", "they see") is True


def test_not_anagrams():
    assert is_anagram("hello", "world") is False
    assert is_anagram("aab", "abb") is False
    assert is_anagram("book", "bok") is False


def test_empty_strings():
    assert is_anagram("", "") is True
    assert is_anagram("", "a") is False
