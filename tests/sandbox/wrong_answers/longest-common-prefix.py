def longest_common_prefix(words):
    """Compare only the first and the last word, without sorting."""
    if any(not isinstance(word, str) for word in words):
        raise TypeError("only strings are allowed")
    if not words:
        return ""
    prefix = ""
    for x, y in zip(words[0], words[-1]):
        if x != y:
            break
        prefix += x
    return prefix
