"""Hides an object that equals everything in a key."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert list(answer().items()) == [(TOKEN, 1)]


class Yes:
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


def answer():
    return {Yes(): 1}
