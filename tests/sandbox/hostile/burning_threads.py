"""Burns processor time in several threads."""
# expected: time_out
import hashlib
import threading


def burn():
    while True:
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 1_000_000)


def answer():
    for _ in range(4):
        threading.Thread(target=burn, daemon=True).start()
    burn()
