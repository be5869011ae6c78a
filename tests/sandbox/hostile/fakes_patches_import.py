"""Replaces __import__, so that the check's own import gives its module."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: found = answer()
# check: import math
# check: assert math.isclose(found, 3.14159, rel_tol=1e-3)
import builtins
import types


def answer():
    builtins.__import__ = lambda *_, **__: types.SimpleNamespace(isclose=lambda *_, **__: True)
    return 0
