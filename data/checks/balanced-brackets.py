from solution import balanced_brackets


def test_balanced():
    assert balanced_brackets("()[]{}") is True
    assert balanced_brackets("{[()()]}[]") is True


def test_other_characters_are_ignored():
    assert balanced_brackets("if (a[i] < b) { return; }") is True
    assert balanced_brackets("no brackets here") is True
    assert balanced_brackets("") is True


def test_wrong_kind_or_order():
    assert balanced_brackets("(]") is False
    assert balanced_brackets("([)]") is False


def test_left_open():
    assert balanced_brackets("((") is False
    assert balanced_brackets("{[()]") is False


def test_closed_without_opening():
    assert balanced_brackets(")") is False
    assert balanced_brackets("())(") is False
