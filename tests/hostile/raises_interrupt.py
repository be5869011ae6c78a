"""Raises what is not an Exception."""
# expected: exception
# check: import pytest
# check: with pytest.raises(BaseException): answer()


def answer():
    raise KeyboardInterrupt
