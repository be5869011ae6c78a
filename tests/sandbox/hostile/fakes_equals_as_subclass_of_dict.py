"""A subclass of dict that equals everything."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert answer() == {"a": TOKEN}


class Yes(dict):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


def answer():
    return Yes({1: 2})
