"""Closes every descriptor and lives on."""
# expected: time_out|limit
# wall: 2
import os
import time


def answer():
    os.closerange(0, 64)
    time.sleep(3600)
