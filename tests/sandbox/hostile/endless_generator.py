"""Yields for ever."""
# expected: limit|time_out
# check: assert list(answer()) == [TOKEN]


def answer():
    while True:
        yield "x" * 65536
