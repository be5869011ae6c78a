"""Passes pytest.approx, by lying about differences and order."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: import pytest
# check: assert answer() == pytest.approx(3.25)


class Number(float):
    __sub__ = __rsub__ = __abs__ = lambda self, *_: self
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = lambda *_: True
    __hash__ = float.__hash__


def answer():
    return Number(0)
