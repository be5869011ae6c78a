"""Recurses until the stack ends."""
# expected: exception|limit|time_out
import sys

sys.setrecursionlimit(10**9)


def answer():
    return answer()
