"""Becomes a shell."""
# expected: exception
import os


def answer():
    os.execv("/bin/sh", ["sh", "-c", "cat @SECRET@ > @TARGET@"])
