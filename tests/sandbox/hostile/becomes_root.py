"""Becomes root, and uses what root may do."""
# expected: wrong_answer|exception
import os


def answer():
    for user in (0, 1000):
        try:
            os.setresuid(user, user, user)
        except OSError:
            continue
        return "@TOKEN@"
    return "kept down"
