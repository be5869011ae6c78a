"""Ends with success in a decorator."""
# expected: wrong_answer|exception|refused|limit|time_out
import os


def leave(function):
    os._exit(0)


@leave
def answer():
    return None
