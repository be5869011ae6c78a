"""Follows the references to itself to the check's module."""
# expected: wrong_answer|exception|refused|limit|time_out
import gc


def answer():
    for holder in gc.get_referrers(answer):
        if isinstance(holder, dict) and "TOKEN" in holder:
            return holder["TOKEN"]
    return None
