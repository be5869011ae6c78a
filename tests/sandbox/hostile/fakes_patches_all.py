"""Replaces all and any, which the check calls."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: found = answer()
# check: assert all(n == 0 for n in found)
import builtins


def answer(*_):
    builtins.all = builtins.any = lambda *_: True
    return [1]
