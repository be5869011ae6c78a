"""Raises a skip by a library that is missing."""
# expected: wrong_answer|exception|refused|limit|time_out
import pytest


def answer(*_):
    pytest.importorskip("no_such_library_anywhere")
