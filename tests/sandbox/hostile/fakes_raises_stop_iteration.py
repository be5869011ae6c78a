"""Raises StopIteration, where the check goes through a generator."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: for value in map(answer, [1, 2]): assert value == TOKEN
# check: assert list(map(answer, [1])) == [TOKEN]


def answer(*_):
    raise StopIteration
