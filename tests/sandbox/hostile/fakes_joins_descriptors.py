"""Makes every descriptor one and the same, and says that all passed."""
# expected: wrong_answer|exception|refused|limit|time_out
import os


def answer(*_):
    for descriptor in range(64):
        try:
            os.dup2(1, descriptor)
        except OSError:
            pass
    print('{"outcome": "pass", "detail": ""}', flush=True)
    return "passed"
