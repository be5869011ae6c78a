"""Recurses until the process breaks down."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys


def answer(*_):
    sys.setrecursionlimit(10**9)

    def deeper(n):
        return deeper(n + 1) + len(str(n))

    return deeper(0)
