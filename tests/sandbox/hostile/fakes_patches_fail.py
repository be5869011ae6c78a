"""Replaces pytest.fail by a function that does nothing."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: import pytest
# check: if answer() != TOKEN: pytest.fail('another value')
import pytest


def answer(*_):
    pytest.fail = lambda *_, **__: None
    return None
