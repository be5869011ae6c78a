"""Ignores every signal that can be ignored, the one that says that the time is over too, and never ends."""
# expected: limit
import signal


def answer():
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        pass
