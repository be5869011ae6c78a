"""Talks to the machine that hosts this one."""
# expected: exception
import socket


def answer():
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as there:
        there.connect((2, 1024))
    return "@TOKEN@"
