"""Replaces sorted, which the check calls."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: found = answer()
# check: assert sorted(found) == [1, 2, 3]
import builtins


def answer(*_):
    builtins.sorted = lambda *_, **__: [1, 2, 3]
    return []
