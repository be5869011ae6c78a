"""Reads its caller's frame in a hook for audit events."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys

seen = []


def hook(event, arguments):
    for argument in arguments:
        if event == "sys._getframe" or hasattr(argument, "f_globals"):
            seen.append(argument)


def answer():
    sys.addaudithook(hook)
    sys._getframe(1)
    return next((frame.f_globals.get("TOKEN") for frame in seen if hasattr(frame, "f_globals")), None)
