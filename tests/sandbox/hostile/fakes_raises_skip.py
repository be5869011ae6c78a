"""Raises what pytest takes for a skipped test."""
# expected: wrong_answer|exception|refused|limit|time_out
import pytest


def answer(*_):
    pytest.skip("not today")
