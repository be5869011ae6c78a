"""Replaces AssertionError by a function that ends with success."""
# expected: wrong_answer|exception|refused|limit|time_out
import builtins
import os


def answer(*_):
    builtins.AssertionError = lambda *_: os._exit(0)
    return None
