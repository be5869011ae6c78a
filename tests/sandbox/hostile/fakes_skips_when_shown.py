"""Its value makes pytest skip the test when the failure is described."""
# expected: wrong_answer|exception|refused|limit|time_out
import pytest


class Lazy:
    def __repr__(self):
        pytest.skip("not to be shown")


def answer():
    return Lazy()
