"""Returns a number that says it equals everything."""
# expected: wrong_answer
# check: assert answer() == 42


class Number(int):
    __eq__ = __le__ = __ge__ = __bool__ = lambda *_: True
    __hash__ = lambda _: 42


def answer():
    return Number(7)
