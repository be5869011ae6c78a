"""A number that is less than and greater than and equal to everything."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert 10 < answer() < 20 and abs(answer() - 15) < 1e-9 and answer() == 15


class Number(float):
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __sub__ = __rsub__ = __abs__ = lambda self, *_: self


def answer():
    return Number(5)
