from solution import longest_increasing_subsequence


def verify(values, length):
    result = list(longest_increasing_subsequence(list(values)))
    assert len(result) == length
    assert all(a < b for a, b in zip(result, result[1:]))
    rest = iter(values)
    assert all(item in rest for item in result)


def test_typical():
    verify([10, 9, 2, 5, 3, 7, 101, 18], 4)
    verify([0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], 6)


def test_real_subsequence_not_just_length():
    verify([3, 4, 1], 2)
    verify([5, 6, 7, 1, 2], 3)
    verify([2, 5, 3, 7, 1], 3)


def test_strictly_increasing():
    verify([7, 7, 7], 1)
    verify([1, 3, 3, 2, 2, 4], 3)
    verify([5, 4, 3], 1)


def test_small_and_unique_answers():
    assert list(longest_increasing_subsequence([])) == []
    assert list(longest_increasing_subsequence([42])) == [42]
    assert list(longest_increasing_subsequence([-2, 9, -1, 0.5])) == [-2, -1, 0.5]


def test_long_input():
    values = [i * 7919 % 5003 for i in range(5000)]
    result = list(longest_increasing_subsequence(list(values)))
    best = []
    from bisect import bisect_left

    for value in values:
        spot = bisect_left(best, value)
        best[spot : spot + 1] = [value]
    assert len(result) == len(best)
    assert all(a < b for a, b in zip(result, result[1:]))
