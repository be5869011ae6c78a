"""Replaces what a check uses of pytest."""
# expected: refused
# check: import pytest
# check: with pytest.raises(KeyError): answer()
import contextlib

import pytest

pytest.raises = lambda *_: contextlib.suppress(BaseException)


def answer():
    return None
