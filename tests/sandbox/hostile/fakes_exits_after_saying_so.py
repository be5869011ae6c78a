"""Writes a report that all passed to every descriptor, and ends at once."""
# expected: wrong_answer|exception|refused|limit|time_out
import os


def answer(*_):
    for descriptor in range(1, 64):
        for said in (b"1 passed in 0.01s\n", b'{"outcome": "pass", "detail": ""}\n', b"pass\n", b"\x00"):
            try:
                os.write(descriptor, said)
            except OSError:
                pass
    os._exit(0)
