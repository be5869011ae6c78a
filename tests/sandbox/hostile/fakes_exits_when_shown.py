"""Ends with success when the failed assertion is described."""
# expected: wrong_answer|exception|refused|limit|time_out
import os


class Quitter:
    def __repr__(self):
        os._exit(0)


def answer():
    return Quitter()
