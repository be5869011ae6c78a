"""Reads the frames of all threads."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys


def answer(*_):
    frame = next(iter(sys._current_frames().values()))
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            if "TOKEN" in space:
                return space["TOKEN"]
        frame = frame.f_back
    return None
