"""Opens descriptors until there are none."""
# expected: exception
import os


def answer():
    while True:
        os.open("/dev/null", os.O_RDONLY)
