"""Ends with success while its function is called."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys


def answer(*_):
    sys.exit(0)
