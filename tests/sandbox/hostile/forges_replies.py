"""Writes reports of its own, with every nonce that it can think of."""
# expected: exception
import os


def answer():
    for nonce in (b'', b'"nonce": "", ', b'"nonce": null, ', b'"nonce": true, ', b'"nonce": "n", ', b'"nonce": {}, '):
        reply = b"{" + nonce + b'"outcome": "pass", "detail": ""}'
        for descriptor in range(3, 16):
            try:
                os.write(descriptor, reply + bytes([10]))
            except OSError:
                pass
    return True
