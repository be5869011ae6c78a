"""A thread changes the check's module while the answer takes its time."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys
import threading
import time


def change():
    for module in list(sys.modules.values()):
        if hasattr(module, "TOKEN"):
            module.TOKEN = None


def answer():
    threading.Thread(target=change).start()
    time.sleep(0.2)
    return None
