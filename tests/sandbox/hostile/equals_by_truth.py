"""Its comparisons return an object that is true by default, not True."""
# expected: wrong_answer
class Truth:
    pass


class Yes:
    __eq__ = lambda *_: Truth()
    __hash__ = lambda _: 0


def answer():
    return Yes()
