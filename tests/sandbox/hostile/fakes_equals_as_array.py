"""Compares element by element, like an array, and all elements are equal."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert (answer() == [1, 2, 3]).all() and answer() == [1, 2, 3]


class Mask:
    __bool__ = all = any = lambda *_: True


class Array:
    shape = (3,)
    __len__ = lambda _: 3
    __iter__ = lambda _: iter(())
    __array__ = lambda *_: None
    __eq__ = lambda *_: Mask()


def answer():
    return Array()
