"""Reads its caller's frame from the exception that is handled."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys


def answer(*_):
    try:
        {}["x"]
    except KeyError:
        frame = sys.exc_info()[2].tb_frame
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            if "TOKEN" in space:
                return space["TOKEN"]
        frame = frame.f_back
    return None
