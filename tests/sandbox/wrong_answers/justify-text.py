def justify_text(words, width):
    """Justify, but hand the surplus spaces to the rightmost gaps."""
    lines, current = [], []
    for word in words:
        if len(word) > width:
            raise ValueError("word too long")
        if current and sum(map(len, current)) + len(current) + len(word) > width:
            lines.append(current)
            current = []
        current.append(word)
    out = []
    for line in lines:
        gaps = len(line) - 1
        if not gaps:
            out.append(line[0].ljust(width))
            continue
        share, extra = divmod(width - sum(map(len, line)), gaps)
        text = line[0]
        for number, word in enumerate(line[1:]):
            text += " " * (share + (1 if number >= gaps - extra else 0)) + word
        out.append(text)
    if current:
        out.append(" ".join(current).ljust(width))
    return out
