"""Returns a mock that is set up to equal everything."""
# expected: wrong_answer|exception|refused|limit|time_out
from unittest import mock


def answer(*_):
    value = mock.MagicMock()
    value.__eq__ = lambda *_: True
    return value
