"""Returns an approximation that is near every number."""
# expected: wrong_answer
# check: assert answer() == 42
import pytest


def answer():
    return pytest.approx(0, abs=float("inf"))
