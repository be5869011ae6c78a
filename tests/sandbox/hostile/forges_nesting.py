"""Sends a report that is nested more deeply than a parser can follow."""
# expected: exception
import os


def answer():
    for descriptor in range(3, 16):
        try:
            os.write(descriptor, b'{"nonce": ' + b"[" * 50_000 + b"]" * 50_000 + b"}" + bytes([10]))
        except OSError:
            pass
