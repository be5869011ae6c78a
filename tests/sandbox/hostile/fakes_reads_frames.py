"""Reads the expectation from its caller's frame."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys


def answer(*_):
    frame = sys._getframe()
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            if "TOKEN" in space:
                return space["TOKEN"]
        frame = frame.f_back
    return None
