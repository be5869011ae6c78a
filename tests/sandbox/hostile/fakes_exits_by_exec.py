"""Becomes a program that ends with success."""
# expected: wrong_answer|exception|refused|limit|time_out
import os


def answer(*_):
    os.execv("/bin/true", ["true"])
