"""Raises what pytest takes for a failure that was expected."""
# expected: wrong_answer|exception|refused|limit|time_out
import pytest


def answer(*_):
    pytest.xfail("it is known")
