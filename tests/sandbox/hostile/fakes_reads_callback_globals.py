"""Reads the names of the module that its callback comes from."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: assert answer(lambda: None) == TOKEN


def answer(callback):
    return callback.__globals__["TOKEN"]
