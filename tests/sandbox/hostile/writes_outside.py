"""Writes where the person's files are."""
# expected: exception


def answer():
    open("@TARGET@", "w").write("here I am")
