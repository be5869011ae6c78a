"""Asks for the answer on standard input."""
# expected: exception


def answer():
    return input("What do you expect? ")
