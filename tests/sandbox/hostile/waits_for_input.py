"""Waits on the pipe that the job came from."""
# expected: time_out|exception|wrong_answer
# wall: 2
import os


def answer():
    for descriptor in range(3, 64):
        try:
            while os.read(descriptor, 65536):
                pass
        except OSError:
            pass
