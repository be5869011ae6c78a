def run_length_encode(text):
    pairs = []
    count = 1
    for previous, current in zip(text, text[1:]):
        if previous == current:
            count += 1
        else:
            pairs.append((previous, count))
            count = 1
    return pairs


def run_length_decode(pairs):
    if any(count < 1 for _, count in pairs):
        raise ValueError("invalid count")
    return "".join(character * count for character, count in pairs)
