def to_base(number, base):
    """Convert an integer, but forget that zero has a digit."""
    if not isinstance(number, int):
        raise TypeError("number must be an integer")
    if base < 2 or base > 36:
        raise ValueError("base must be from 2 to 36")
    symbols = "0123456789abcdefghijklmnopqrstuvwxyz"
    sign = "-" if number < 0 else ""
    number = abs(number)
    text = ""
    while number > 0:
        text = symbols[number % base] + text
        number //= base
    return sign + text
