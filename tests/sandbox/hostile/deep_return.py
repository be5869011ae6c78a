"""Returns a list in a list in a list."""
# expected: wrong_answer


def answer():
    value = []
    for _ in range(100_000):
        value = [value]
    return value
