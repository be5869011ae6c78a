"""A thread waits a little, writes that all passed, and ends the process while the answer sleeps."""
# expected: wrong_answer|exception|refused|limit|time_out
import os
import threading
import time


def finish():
    time.sleep(0.1)
    os.write(1, b'{"outcome": "pass", "detail": ""}' + bytes([10]))
    os._exit(0)


def answer():
    threading.Thread(target=finish, daemon=True).start()
    time.sleep(5)
