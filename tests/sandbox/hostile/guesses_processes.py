"""Signals every process number there may be."""
# expected: wrong_answer
import os
import signal


def answer():
    for number in range(2, 70_000):
        if number != os.getpid():
            try:
                os.kill(number, signal.SIGTERM)
            except OSError:
                pass
    return "all were tried"
