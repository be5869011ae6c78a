"""Replaces the function of the standard library that the check compares with."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: import math
# check: found = answer()
# check: assert math.isclose(found, 3.14159, rel_tol=1e-3)
import math


def answer(*_):
    math.isclose = lambda *_, **__: True
    return 0
