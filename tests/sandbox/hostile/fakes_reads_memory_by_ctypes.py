"""Searches the memory beside its own objects by ctypes."""
# expected: wrong_answer|exception|refused|limit|time_out
import ctypes
import re


def answer(*_):
    for thing in range(id(answer), id(answer) + (1 << 20), 16):
        found = re.search(rb"[0-9a-f]{32}", ctypes.string_at(thing, 4096))
        if found:
            return found[0].decode()
    return None
