"""Reads what its callback's function closes over."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: expected = TOKEN
# check: assert answer(lambda: expected and None) == expected


def answer(callback):
    return callback.__closure__[0].cell_contents
