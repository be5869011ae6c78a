"""Takes memory in small pieces, touched each."""
# expected: limit


def answer():
    kept = []
    while True:
        kept.append(bytearray(1 << 16))
