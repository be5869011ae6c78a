"""Raises what unittest takes for a skipped test, in the check's comparison."""
# expected: wrong_answer|exception|refused|limit|time_out
import unittest


def answer(*_):
    raise unittest.SkipTest("not today")
