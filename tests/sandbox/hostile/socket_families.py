"""Tries a socket of every family and type."""
# expected: wrong_answer
import socket


def answer():
    for family in range(64):
        for kind in (1, 2, 3, 4, 5, 10):
            try:
                socket.socket(family, kind)
            except OSError:
                continue
            return "@TOKEN@"
    return "none"
