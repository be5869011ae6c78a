"""Puts another module in its place, whose every name equals everything."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys
from unittest import mock


class answer:
    sys.modules["solution"] = sys.modules[__name__] = mock.MagicMock()
    sys.modules["solution"].answer.return_value = mock.ANY
