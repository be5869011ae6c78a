"""Asks the interpreter for its caller's frame by ctypes."""
# expected: wrong_answer|exception|refused|limit|time_out
import ctypes


def answer(*_):
    api = ctypes.pythonapi.PyEval_GetFrame
    api.restype = ctypes.py_object
    frame = api()
    while frame:
        for space in (frame.f_locals, frame.f_globals):
            if "TOKEN" in space:
                return space["TOKEN"]
        frame = frame.f_back
    return None
