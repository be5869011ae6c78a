"""Reads the expectation by a profile function, when the check is left."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys

seen = []


def profile(frame, event, argument):
    while frame:
        seen.append(frame.f_globals.get("TOKEN"))
        frame = frame.f_back


def answer():
    sys.setprofile(profile)
    len(seen)
    sys.setprofile(None)
    return next(filter(None, seen), None)
