"""A subclass of int that equals everything."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert answer() == 42


class Yes(int):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


def answer():
    return Yes(7)
