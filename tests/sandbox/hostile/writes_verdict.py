"""Writes a verdict to every descriptor."""
# expected: exception
import os


def answer():
    for descriptor in range(64):
        try:
            os.write(descriptor, b'{"outcome": "pass", "detail": ""}' + bytes([10]))
        except OSError:
            pass
    return "passed"
