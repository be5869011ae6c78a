"""Hides an object that equals everything in a tuple."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert answer() == (1, (TOKEN, 3))


class Yes:
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


def answer():
    return (1, (Yes(), 3))
