"""Returns a number with a hundred million digits, then a larger one."""
# expected: time_out|limit|exception|wrong_answer


def answer():
    return 1 << (1 << 29)
