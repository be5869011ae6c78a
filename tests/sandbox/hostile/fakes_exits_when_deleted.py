"""Ends with success when its object is deleted, which the failed check does."""
# expected: wrong_answer|exception|refused|limit|time_out
import os


class Quitter:
    def __del__(self):
        os.write(1, b'{"outcome": "pass", "detail": ""}' + bytes([10]))
        os._exit(0)


def answer():
    return Quitter()
