"""Searches its process for the value that the check expects."""
# expected: refused
import gc
import sys


def answer():
    found = [thing for thing in gc.get_objects() if isinstance(thing, dict) and "test_answer" in thing]
    frame = sys._getframe()
    while frame:
        found += [value for value in frame.f_locals.values() if isinstance(value, str) and len(value) == 32]
        frame = frame.f_back
    return found[0] if found else "nothing"
