"""Never ends."""
# expected: time_out


def answer():
    while True:
        pass
