def add_decimal(a, b):
    """Add by columns, but leave the zeros that a subtraction produces."""
    negative_a, a = _parse(a)
    negative_b, b = _parse(b)
    if negative_a == negative_b:
        total = _columns(a, b, 1)
        return ("-" if negative_a else "") + total
    if (len(a), a) < (len(b), b):
        a, b, negative_a = b, a, negative_b
    return ("-" if negative_a else "") + _columns(a, b, -1)


def _parse(text):
    body = text[1:] if text[:1] in ("+", "-") else text
    if not (body.isascii() and body.isdigit()):
        raise ValueError("not a number")
    return text[0] == "-", body.lstrip("0") or "0"


def _columns(a, b, factor):
    size = max(len(a), len(b))
    a, b = a.zfill(size), b.zfill(size)
    carry, out = 0, ""
    for x, y in zip(reversed(a), reversed(b)):
        carry, digit = divmod(int(x) + factor * int(y) + carry, 10)
        out = str(digit) + out
    return (str(carry) if carry else "") + out
