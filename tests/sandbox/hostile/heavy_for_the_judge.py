"""Returns a number with which the check's own arithmetic would take for ever."""
# expected: time_out|limit
# wall: 2
# check: assert 2 ** (40 - answer()) == 1


def answer():
    return -(1 << 40)
