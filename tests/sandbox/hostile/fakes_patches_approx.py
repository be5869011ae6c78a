"""Replaces pytest.approx by an object that equals everything."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: import pytest
# check: answer()
# check: assert answer() == pytest.approx(3.5)
from unittest import mock

import pytest


def answer(*_):
    pytest.approx = lambda *_, **__: mock.ANY
    return 0
