"""Kills its parent, and everything in its group."""
# expected: exception|wrong_answer|limit
import os
import signal


def answer():
    for target in (os.getppid(), int("@VICTIM@"), int("@JUDGE@"), 1):
        try:
            os.kill(target, signal.SIGKILL)
        except OSError:
            pass
    os.killpg(os.getpgrp(), signal.SIGKILL)
