"""Returns more than may be returned."""
# expected: limit


def answer():
    return "x" * (64 << 20)
