"""Compares for ever: the judge never asks."""
# expected: wrong_answer


class Slow:
    def __eq__(self, other):
        while True:
            pass


def answer():
    return Slow()
