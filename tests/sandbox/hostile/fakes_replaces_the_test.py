"""Replaces the code of the check's test by one that does nothing."""
# expected: wrong_answer|exception|refused|limit|time_out
import gc
import types


def answer():
    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType) and thing.__name__ == "test_answer":
            thing.__code__ = (lambda: None).__code__
    return None
