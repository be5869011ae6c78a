"""Ends with success when the check compares."""
# expected: wrong_answer|exception|refused|limit|time_out
import os


class Quitter:
    def __eq__(self, other):
        os._exit(0)


def answer():
    return Quitter()
