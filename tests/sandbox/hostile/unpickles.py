"""Returns objects that do something when they are pickled, copied, printed or hashed."""
# expected: wrong_answer
import os


class Payload:
    def __reduce__(self):
        return os.system, ("touch @TARGET@",)

    def __repr__(self):
        raise SystemExit(0)

    __str__ = __hash__ = __deepcopy__ = __repr__


def answer():
    return Payload()
