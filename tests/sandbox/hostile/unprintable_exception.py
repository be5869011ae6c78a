"""Has an exception that fails when it is looked at."""
# expected: exception


class Bad(Exception):
    def __str__(self):
        raise SystemExit(0)

    @property
    def __class__(self):
        raise SystemExit(0)


def answer():
    raise Bad
