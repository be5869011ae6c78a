"""Renames the machine."""
# expected: exception
import socket


def answer():
    socket.sethostname("@NAME@")
    return "@TOKEN@"
