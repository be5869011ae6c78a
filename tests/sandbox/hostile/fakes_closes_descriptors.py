"""Closes every descriptor, so that no failure can be told, and goes on."""
# expected: wrong_answer|exception|refused|limit|time_out
import os


def answer(*_):
    os.closerange(0, 256)
    return "passed"
