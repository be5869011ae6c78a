"""Starts threads until no more can be started."""
# expected: exception
import threading
import time


def answer():
    threading.stack_size(32768)
    while True:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
