"""Says that it is of another class."""
# expected: wrong_answer
# check: assert isinstance(answer(), str)


class Liar:
    @property
    def __class__(self):
        return str

    def __eq__(self, other):
        return True

    __hash__ = None


def answer():
    return Liar()
