"""Ends its own process by a signal."""
# expected: wrong_answer|exception|refused|limit|time_out
import os
import signal


def answer(*_):
    os.kill(os.getpid(), signal.SIGKILL)
