"""Replaces isinstance and len, which the check calls."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: found = answer()
# check: assert isinstance(found, str) and len(found) == 32
import builtins


def answer(*_):
    builtins.isinstance = lambda *_: True
    builtins.len = lambda *_: 32
    return None
