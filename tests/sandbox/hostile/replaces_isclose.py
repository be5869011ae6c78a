"""Replaces a function of a module that the check imports."""
# expected: refused
# check: import math
# check: assert math.isclose(answer(), 42.0)
import math

math.isclose = lambda *_, **__: True


def answer():
    return 7.0
