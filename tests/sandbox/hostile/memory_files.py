"""Fills files that live in memory."""
# expected: exception
import os


def answer():
    while True:
        os.write(os.memfd_create("bomb"), bytes(1 << 20))
