"""Never ends being imported."""
# expected: time_out
while True:
    pass


def answer():
    return "@NOTHING@"
