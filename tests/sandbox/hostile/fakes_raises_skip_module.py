"""Raises what makes pytest skip a whole file."""
# expected: wrong_answer|exception|refused|limit|time_out
import pytest


def answer(*_):
    pytest.skip("all of it", allow_module_level=True)
