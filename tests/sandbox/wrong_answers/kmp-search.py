def kmp_search(text, pattern):
    """Restart from nothing after a match, so overlaps are missed."""
    if not pattern:
        raise ValueError("empty pattern")
    table = [0] * len(pattern)
    k = 0
    for i in range(1, len(pattern)):
        while k and pattern[i] != pattern[k]:
            k = table[k - 1]
        if pattern[i] == pattern[k]:
            k += 1
        table[i] = k
    found, k = [], 0
    for i, char in enumerate(text):
        while k and char != pattern[k]:
            k = table[k - 1]
        if char == pattern[k]:
            k += 1
        if k == len(pattern):
            found.append(i - k + 1)
            k = 0
    return found
