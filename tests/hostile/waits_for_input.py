"""Waits on the pipe that requests come from."""
# expected: time_out|exception
# wall: 2
import os


def answer():
    for descriptor in range(3, 64):
        try:
            while os.read(descriptor, 65536):
                pass
        except OSError:
            pass
