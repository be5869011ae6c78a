"""Empties the lists that it is given, so that there is nothing to compare with."""
# expected: wrong_answer
# check: given = [3, 1]
# check: answer(given)
# check: assert answer([1, 2]) == [1, 2]


def answer(items=None):
    if items is not None:
        items.clear()
    return []
