"""A class that is itself equal to everything."""
# expected: wrong_answer|exception|refused|limit|time_out


class Yes(type):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


class Value(metaclass=Yes):
    pass


def answer():
    return Value
