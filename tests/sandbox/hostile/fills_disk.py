"""Fills the disk with temporary files."""
# expected: exception
import tempfile


def answer():
    while True:
        tempfile.NamedTemporaryFile(delete=False).write(bytes(1 << 20))
