"""Reads the frame that a signal's handler is given."""
# expected: wrong_answer|exception|refused|limit|time_out
import signal


def answer(*_):
    found = []

    def handler(number, frame):
        while frame:
            found.append(frame.f_globals.get("TOKEN"))
            frame = frame.f_back

    signal.signal(signal.SIGUSR1, handler)
    signal.raise_signal(signal.SIGUSR1)
    return next(filter(None, found), None)
