"""Talks to the kernel."""
# expected: exception
import socket


def answer():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as there:
        there.bind((0, 0))
    return "@TOKEN@"
