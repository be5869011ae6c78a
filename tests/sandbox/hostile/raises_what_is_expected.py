"""Raises exceptions that a judge may take for its own."""
# expected: exception
# check: import pytest
# check: with pytest.raises(KeyError): answer()
# check: assert False


class Skipped(BaseException):
    pass


class outcomes(Exception):
    pass


def answer():
    raise ValueError("@NOTHING@")
