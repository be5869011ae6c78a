"""Raises StopIteration, which would end the check's loop before it has compared anything."""
# expected: wrong_answer
# check: assert all(map(answer, [1, 2, 3]))


def answer(*_):
    raise StopIteration
