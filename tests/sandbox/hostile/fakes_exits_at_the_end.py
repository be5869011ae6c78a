"""Registers functions for the end of the process that write and say that all passed."""
# expected: wrong_answer|exception|refused|limit|time_out
import atexit
import os
import threading


def answer(*_):
    def end():
        os.write(1, b"1 passed" + bytes([10]))
        os._exit(0)

    atexit.register(end)
    threading._register_atexit(end)
    return "soon"
