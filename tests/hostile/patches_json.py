"""Replaces the functions that its own process uses to talk."""
# expected: wrong_answer|exception
import json

json.loads = lambda *_: {"op": "len", "args": ["l", ["l"], ["d"]]}
json.dumps = lambda *_: '{"ok": true}'


def answer():
    return None
