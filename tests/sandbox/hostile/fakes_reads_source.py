"""Reads the check's text where it may lie."""
# expected: wrong_answer|exception|refused|limit|time_out
import glob
import os
import re
import sys


def answer(*_):
    files = [str(getattr(module, "__file__", "")) for module in sys.modules.values()]
    places = [*sys.argv, *sys.path, ".", "/tmp", *os.environ.values(), *files]
    for place in places:
        for path in glob.glob(place + "/*.py") + [place]:
            try:
                found = re.search('TOKEN = "([0-9a-f]{32})"', open(path).read())
            except (OSError, UnicodeDecodeError):
                continue
            if found:
                return found[1]
    return None
