"""Replaces AssertionError by the exception that skips a test."""
# expected: wrong_answer|exception|refused|limit|time_out
import builtins

import pytest


def answer(*_):
    builtins.AssertionError = lambda *_: pytest.skip.Exception("skipped")
    return None
