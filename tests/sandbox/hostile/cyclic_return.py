"""Returns a list that contains itself."""
# expected: wrong_answer


def answer():
    value = []
    value.append(value)
    return value
