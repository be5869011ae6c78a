"""Reads its caller's frame, as the logging module finds it."""
# expected: wrong_answer|exception|refused|limit|time_out
import logging


def answer(*_):
    frame = logging.currentframe()
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            if "TOKEN" in space:
                return space["TOKEN"]
        frame = frame.f_back
    return None
