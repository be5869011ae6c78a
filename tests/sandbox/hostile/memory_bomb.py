"""Takes memory in ever larger pieces."""
# expected: limit


def answer():
    data = b"x"
    while True:
        data += data
