"""Recurses through the interpreter's own code until the C stack ends."""
# expected: exception|limit|time_out
import sys

sys.setrecursionlimit(10**9)


class Deep:
    def __getattr__(self, name):
        return getattr(self, name + "x")


def answer():
    return repr(Deep().x)
