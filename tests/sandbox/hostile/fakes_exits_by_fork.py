"""The child writes that all passed; the parent ends with success."""
# expected: wrong_answer|exception|refused|limit|time_out
import os


def answer(*_):
    if os.fork():
        os._exit(0)
    for descriptor in range(1, 64):
        try:
            os.write(descriptor, b'{"outcome": "pass", "detail": ""}' + bytes([10]))
        except OSError:
            pass
    return "passed"
