"""Writes a message without an end to every descriptor."""
# expected: limit
import os


def answer():
    while True:
        for descriptor in range(3, 16):
            try:
                os.write(descriptor, b"[" * 65536)
            except OSError:
                pass
