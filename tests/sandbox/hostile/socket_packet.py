"""Talks to the network card."""
# expected: exception
import socket


def answer():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as there:
        there.send(b'x')
    return "@TOKEN@"
