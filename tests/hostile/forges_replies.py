"""Answers requests that have not been made, with everything that could be taken for a pass."""
# expected: wrong_answer|exception
import os


def answer():
    for reply in (b'{"ok": true}', b'{"ok": null}', b'{"stop": true}', b'{"ok": ["c", 0]}', b'{"ok": ["n", "object"]}'):
        for descriptor in range(3, 16):
            try:
                os.write(descriptor, reply * 1 + bytes([10]))
            except OSError:
                pass
    return True
