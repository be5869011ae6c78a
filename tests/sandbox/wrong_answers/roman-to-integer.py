VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman_to_integer(numeral):
    if not numeral or any(symbol not in VALUES for symbol in numeral):
        raise ValueError("invalid numeral")
    total = 0
    previous = 0
    for symbol in reversed(numeral):
        value = VALUES[symbol]
        total += value if value >= previous else -value
        previous = max(previous, value)
    return total
