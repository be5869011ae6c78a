"""Raises a SystemExit of its own."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer(*_):
    raise type("Success", (SystemExit,), {"code": 0})(0)
