from solution import glob_match


def test_literals_and_question_marks():
    assert glob_match("abc", "abc") is True
    assert glob_match("abc", "abcd") is False
    assert glob_match("a?c", "abc") is True
    assert glob_match("a?c", "ac") is False
    assert glob_match("ABC", "abc") is False


def test_stars():
    assert glob_match("a*c", "ac") is True
    assert glob_match("*.txt", "notes.txt") is True
    assert glob_match("*.txt", "notes.txt.gz") is False
    assert glob_match("a*", "ba") is False


def test_star_must_back_up():
    assert glob_match("*ab", "aab") is True
    assert glob_match("a*b*c", "aXbYbZc") is True
    assert glob_match("*issip*ss*", "mississippi") is False
    assert glob_match("m*si?i", "mississi") is False
    assert glob_match("m*s?ip*", "mississippi") is True
    assert glob_match("*?x", "xx") is True


def test_empty_and_special():
    assert glob_match("", "") is True
    assert glob_match("", "a") is False
    assert glob_match("***", "") is True
    assert glob_match("?", "") is False
    assert glob_match("a.c", "abc") is False
    assert glob_match("[ab]+", "[ab]+") is True
    assert glob_match("*", "line\nbreak") is True
    assert glob_match("*b", "*ab") is True


def test_many_stars():
    assert glob_match("a*" * 18 + "b", "a" * 60) is False
    assert glob_match("*a" * 18, "a" * 60) is True
