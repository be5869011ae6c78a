"""Reads the repository, the hidden checks first."""
# expected: exception


def answer():
    open("@REPOSITORY@/data/checks/average.py").read()
    return "@TOKEN@"
