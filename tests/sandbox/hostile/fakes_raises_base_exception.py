"""Raises a BaseException of its own."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer(*_):
    raise type("Passed", (BaseException,), {})("1 passed")
