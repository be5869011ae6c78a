"""A subclass of float that equals everything."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert answer() == 3.25


class Yes(float):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


def answer():
    return Yes(0.5)
