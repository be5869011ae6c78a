"""Returns a large string, which never leaves the sandbox."""
# expected: wrong_answer


def answer():
    return "x" * (64 << 20)
