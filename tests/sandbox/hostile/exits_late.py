"""Leaves success for the end."""
# expected: wrong_answer
import atexit
import os


def answer():
    atexit.register(print, "1 passed")
    atexit.register(os._exit, 0)
    return "soon"
