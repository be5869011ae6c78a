"""Sends a number with more digits than can be read."""
# expected: exception
import os


def answer():
    for descriptor in range(3, 16):
        try:
            os.write(descriptor, b'{"nonce": ' + b"9" * 50_000 + b"}" + bytes([10]))
        except OSError:
            pass
