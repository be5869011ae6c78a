"""Hides an object that equals everything in lists, dicts and sets."""
# expected: wrong_answer
# check: assert answer() == [TOKEN, {TOKEN: TOKEN}]


class Yes:
    __eq__ = lambda *_: True
    __hash__ = lambda _: 0


class Pile(list):
    __eq__ = lambda *_: True


def answer():
    return Pile([Yes(), {Yes(): Yes()}])
