"""Replaces the functions by which an outcome may be told."""
# expected: wrong_answer|exception|refused|limit|time_out
import json
import os
import sys


def answer():
    write = os.write
    os.write = lambda descriptor, data: write(descriptor, b'{"outcome": "pass", "detail": ""}' + bytes([10]))
    json.dumps = lambda *_, **__: '{"outcome": "pass", "detail": ""}'
    json.dump = lambda value, file, **_: file.write('{"outcome": "pass", "detail": ""}')
    sys.stdout.write = sys.stderr.write = lambda text: len(text)
    return None
