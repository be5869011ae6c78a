"""Returns keys that all have the same hash, for the judge to build a dict of."""
# expected: time_out|limit|wrong_answer


def answer():
    return {number * ((1 << 61) - 1): 0 for number in range(60_000)}
