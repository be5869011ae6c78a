import pytest

from solution import justify_text


def test_surplus_goes_left():
    words = ["This", "is", "an", "example", "of", "text", "justification."]
    assert list(justify_text(words, 16)) == [
        "This    is    an",
        "example  of text",
        "justification.  ",
    ]
    assert list(justify_text(["a", "b", "c", "d", "longer"], 9)) == ["a  b  c d", "longer   "]


def test_single_word_lines():
    assert list(justify_text(["acknowledgment", "shall", "be"], 16)) == [
        "acknowledgment  ",
        "shall be        ",
    ]
    assert list(justify_text(["word"], 6)) == ["word  "]


def test_last_line_is_left_aligned():
    assert list(justify_text(["to", "be", "or", "not"], 20)) == ["to be or not        "]
    assert list(justify_text(["ab", "cd", "ef", "gh"], 5)) == ["ab cd", "ef gh"]


def test_exact_width_and_narrow_lines():
    assert list(justify_text(["exact", "fit"], 9)) == ["exact fit"]
    assert list(justify_text(["x", "y"], 2)) == ["x ", "y "]
    assert list(justify_text(["abc", "d"], 3)) == ["abc", "d  "]


def test_empty_and_too_long():
    assert list(justify_text([], 10)) == []
    with pytest.raises(ValueError):
        justify_text(["fine", "enormous"], 6)
