"""Reads the machine's accounts."""
# expected: exception


def answer():
    open("/etc/passwd").read()
    return "@TOKEN@"
