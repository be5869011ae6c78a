"""Hides an object that equals everything in a attribute."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert answer().value == TOKEN


class Yes:
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


class Holder:
    value = Yes()


def answer():
    return Holder()
