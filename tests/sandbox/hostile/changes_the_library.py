"""Changes the interpreter's own library, for the next program that imports it."""
# expected: exception
import os


def answer():
    with open(os.__file__, "a") as file:
        file.write("# @NAME@")
    return "@TOKEN@"
