from solution import char_frequencies


def test_repeated_letters():
    assert dict(char_frequencies("hello")) == {"h": 1, "e": 1, "l": 2, "o": 1}
    assert dict(char_frequencies("zzzz")) == {"z": 4}


def test_case_matters():
    assert dict(char_frequencies("BbB")) == {"B": 2, "b": 1}


def test_spaces_and_punctuation():
    assert dict(char_frequencies("a, b,")) == {"a": 1, ",": 2, " ": 1, "b": 1}


def test_empty_string():
    assert dict(char_frequencies("")) == {}
