"""Replaces what writes and reads JSON, to learn the nonce and to turn the report into a pass."""
# expected: refused
import json

dumps = json.dumps
json.loads = lambda *_: {"outcome": "pass", "detail": ""}
json.dumps = lambda message, **_: dumps(message | {"outcome": "pass", "detail": ""})


def answer():
    return None
