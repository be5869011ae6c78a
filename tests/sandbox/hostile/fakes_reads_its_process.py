"""Reads what the kernel tells a process of itself."""
# expected: wrong_answer|exception|refused|limit|time_out
import os
import re


def answer(*_):
    for name in ("cmdline", "environ", "fd/0", "fd/3", "fd/4", "fd/5", "auxv"):
        try:
            text = os.read(os.open("/proc/self/" + name, os.O_RDONLY | os.O_NONBLOCK), 1 << 20)
        except OSError:
            continue
        found = re.search(rb"[0-9a-f]{32}", text)
        if found:
            return found[0].decode()
    return None
