"""Reads the expectation by inspect's current frame."""
# expected: wrong_answer|exception|refused|limit|time_out
import inspect


def answer(*_):
    frame = inspect.currentframe()
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            if "TOKEN" in space:
                return space["TOKEN"]
        frame = frame.f_back
    return None
