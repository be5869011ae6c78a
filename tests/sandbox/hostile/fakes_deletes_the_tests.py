"""Deletes the tests from every module that has some."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys


def answer():
    for module in list(sys.modules.values()):
        for name in list(getattr(module, "__dict__", {})):
            if name.startswith("test_"):
                delattr(module, name)
    return None
