def clamp(value, low, high):
    if low >= high:
        raise ValueError("low must be smaller than high")
    return max(low, min(value, high))
