"""Crashes, to leave a core dump."""
# expected: exception
import os


def answer():
    os.abort()
