"""Looks through every descriptor for one that it should not have."""
# expected: exception
import os
import stat


def answer():
    for descriptor in range(1024):
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:
            continue
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISSOCK(mode):
            return "@TOKEN@"
    raise LookupError("only pipes and devices")
