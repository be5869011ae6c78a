"""A subclass of list that equals everything."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert answer() == [1, 2, 3]


class Yes(list):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


def answer():
    return Yes([1])
