"""Raises what is not an Exception."""
# expected: exception


def answer():
    raise KeyboardInterrupt
