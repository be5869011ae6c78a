"""Raises an AssertionError, which is not the check's."""
# expected: exception


def answer():
    raise AssertionError("expected")
