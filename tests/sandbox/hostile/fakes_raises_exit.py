"""Raises what makes pytest stop with success."""
# expected: wrong_answer|exception|refused|limit|time_out
import pytest


def answer(*_):
    pytest.exit("enough", returncode=0)
