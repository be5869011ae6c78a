"""Reads the repository, the hidden checks first."""
# expected: exception


def answer():
    open("@REPOSITORY@/data/prompts/checks/average.py").read()
    return "@TOKEN@"
