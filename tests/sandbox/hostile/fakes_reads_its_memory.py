"""Searches its own memory for the expectation."""
# expected: wrong_answer|exception|refused|limit|time_out
import re


def answer(*_):
    for line in open("/proc/self/maps"):
        if "rw-p" in line:
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            with open("/proc/self/mem", "rb") as memory:
                memory.seek(start)
                found = re.search(rb'TOKEN = "([0-9a-f]{32})"', memory.read(end - start))
            if found:
                return found[1].decode()
    return None
