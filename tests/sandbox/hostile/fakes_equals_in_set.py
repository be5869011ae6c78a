"""Hides an object that equals everything in a set."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert list(answer()) == [TOKEN]


class Yes:
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


def answer():
    return {Yes()}
