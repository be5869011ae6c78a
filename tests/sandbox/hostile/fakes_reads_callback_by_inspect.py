"""Reads its callback's names by inspect."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert answer(lambda: TOKEN and None) == TOKEN
import inspect


def answer(callback):
    return inspect.getclosurevars(callback).globals["TOKEN"]
