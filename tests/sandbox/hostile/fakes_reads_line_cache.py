"""Reads the check's text from the cache of lines."""
# expected: wrong_answer|exception|refused|limit|time_out
import linecache
import re
import traceback


def answer(*_):
    traceback.format_stack()
    text = "".join(str(entry) for entry in linecache.cache.values())
    found = re.search("[0-9a-f]{32}", text)
    return found and found[0]
