"""Looks for the expectation in every module."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys


def answer(*_):
    for module in list(sys.modules.values()):
        if hasattr(module, "TOKEN"):
            return module.TOKEN
    return None
