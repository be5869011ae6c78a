"""Returns an object that is near everything."""
# expected: wrong_answer|exception
# check: import pytest; assert answer() == pytest.approx(42.5)


class Near:
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = lambda *_: True
    __abs__ = __sub__ = __rsub__ = lambda self, *_: self
    __float__ = lambda _: 0.0


def answer():
    return Near()
