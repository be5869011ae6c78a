"""Computes a number that is too large."""
# expected: time_out|limit


def answer():
    return 9**9**9**9
