"""Reads a file of the person's."""
# expected: exception


def answer():
    return open("@SECRET@").read()
