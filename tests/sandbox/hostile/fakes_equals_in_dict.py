"""Hides an object that equals everything in a dict."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert answer() == {"a": {"b": TOKEN}}


class Yes:
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = lambda _: 0


def answer():
    return {"a": {"b": Yes()}}
