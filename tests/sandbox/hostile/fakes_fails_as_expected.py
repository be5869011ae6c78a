"""Marks the check's tests as expected to fail, in the check's own module."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys

import pytest


class answer:
    frame = sys._getframe()
    while frame:
        if "importlib" not in frame.f_code.co_filename:
            frame.f_globals["pytestmark"] = pytest.mark.xfail
        frame = frame.f_back
