"""Replaces pytest.raises by a context that does nothing."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: import pytest
# check: answer(1)
# check: with pytest.raises(ValueError): answer(-1)
import contextlib

import pytest


def answer(*_):
    pytest.raises = lambda *_, **__: contextlib.nullcontext()
    return None
