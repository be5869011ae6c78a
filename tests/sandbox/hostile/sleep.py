"""Sleeps."""
# expected: time_out
# wall: 2
import time


def answer():
    time.sleep(3600)
