"""Looks for Python processes and kills them."""
# expected: exception|wrong_answer
import os
import signal


def answer():
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            if "python" in open(f"/proc/{name}/comm").read():
                os.kill(int(name), signal.SIGKILL)
