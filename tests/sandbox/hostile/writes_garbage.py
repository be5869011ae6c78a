"""Writes garbage to every descriptor."""
# expected: exception
import os


def answer():
    for descriptor in range(64):
        try:
            os.write(descriptor, bytes(range(256)) + bytes([10]))
        except OSError:
            pass
