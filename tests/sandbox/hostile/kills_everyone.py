"""Kills every process that it may kill."""
# expected: wrong_answer|exception|limit
import os
import signal


def answer():
    os.kill(-1, signal.SIGKILL)
    return "everyone is dead"
