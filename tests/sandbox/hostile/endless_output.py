"""Prints for ever, to both streams, which pytest keeps in memory."""
# expected: exception|limit|time_out
import sys


def answer():
    while True:
        print("x" * 65536)
        print("x" * 65536, file=sys.stderr)
