"""Ends with success while a parameter's default is made."""
# expected: wrong_answer|exception|refused|limit|time_out
import os


def answer(status=os._exit(0)):
    return status
