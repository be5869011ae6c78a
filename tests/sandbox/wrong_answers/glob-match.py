def glob_match(pattern, text):
    """Stop each star at the first fitting character, without backing up."""
    t = 0
    p = 0
    while p < len(pattern):
        if pattern[p] == "*":
            while p < len(pattern) and pattern[p] == "*":
                p += 1
            if p == len(pattern):
                return True
            while t < len(text) and pattern[p] not in ("?", text[t]):
                t += 1
        elif t < len(text) and pattern[p] in ("?", text[t]):
            p += 1
            t += 1
        else:
            return False
    return t == len(text)
