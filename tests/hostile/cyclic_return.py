"""Returns a list that contains itself."""
# expected: exception


def answer():
    value = []
    value.append(value)
    return value
