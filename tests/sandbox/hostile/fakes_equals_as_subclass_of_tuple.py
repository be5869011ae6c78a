"""A subclass of tuple that equals everything."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert (1, 2) == answer()


class Yes(tuple):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


def answer():
    return Yes((1,))
