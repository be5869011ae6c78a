"""Reads everything that its descriptors may give."""
# expected: wrong_answer|exception|refused|limit|time_out
import os
import re


def answer(*_):
    for descriptor in range(64):
        try:
            os.set_blocking(descriptor, False)
            text = os.pread(descriptor, 1 << 20, 0)
        except OSError:
            try:
                text = os.read(descriptor, 1 << 20)
            except OSError:
                continue
        found = re.search(rb"[0-9a-f]{32}", text)
        if found:
            return found[0].decode()
    return None
