"""Raises SystemExit with success."""
# expected: wrong_answer|exception|refused|limit|time_out


def answer(*_):
    raise SystemExit(0)
