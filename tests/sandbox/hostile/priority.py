"""Raises its own priority."""
# expected: wrong_answer|exception
import os


def answer():
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    return "@TOKEN@"
