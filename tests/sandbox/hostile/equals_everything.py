"""Returns an object that equals everything, in every comparison and every conversion."""
# expected: wrong_answer


class Yes:
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = lambda *_: True
    __hash__ = lambda _: 0
    __abs__ = __sub__ = __rsub__ = __add__ = __radd__ = lambda self, *_: self
    __len__ = lambda _: 32
    __contains__ = lambda *_: True


def answer():
    return Yes()
