"""Its value makes pytest skip the test when it is compared."""
# expected: wrong_answer|exception|refused|limit|time_out
import pytest


class Lazy:
    def __eq__(self, other):
        pytest.skip("not comparable")


def answer():
    return Lazy()
