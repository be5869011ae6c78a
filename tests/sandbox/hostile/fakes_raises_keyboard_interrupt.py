"""Raises KeyboardInterrupt."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer(*_):
    raise KeyboardInterrupt
