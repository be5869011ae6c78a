from solution import reverse_words


def test_several_words():
    assert reverse_words("the sky is blue") == "blue is sky the"
    assert reverse_words("Hello, big World!") == "World! big Hello,"


def test_one_word_is_kept():
    assert reverse_words("level2") == "level2"


def test_extra_whitespace():
    assert reverse_words("   one  two three ") == "three two one"
    assert reverse_words("first\tsecond\nthird") == "third second first"


def test_no_words():
    assert reverse_words("") == ""
    assert reverse_words("    ") == ""
