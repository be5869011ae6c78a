"""Reads the expectation from inspect's stack."""
# expected: wrong_answer|exception|refused|limit|time_out
import inspect


def answer(*_):
    for info in inspect.stack():
        if "TOKEN" in info.frame.f_globals:
            return info.frame.f_globals["TOKEN"]
    return None
