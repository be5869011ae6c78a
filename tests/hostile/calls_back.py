"""Calls functions of the judge that it was never given."""
# expected: exception|wrong_answer
import os


def answer():
    for descriptor in range(3, 16):
        for number in (b"0", b"-1", b'"exec"', b"[]"):
            try:
                os.write(descriptor, b'{"callback": ' + number + b', "args": ["l", ["l"], ["d"]]}' + bytes([10]))
            except OSError:
                pass
