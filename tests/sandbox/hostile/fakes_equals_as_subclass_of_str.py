"""A subclass of str that equals everything."""
# expected: wrong_answer|exception|refused|limit|time_out


class Yes(str):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


def answer():
    return Yes("x")
