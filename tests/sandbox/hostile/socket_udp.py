"""Sends the machine's secrets in a datagram."""
# expected: exception
import socket


def answer():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.sendto(b"secret", ("127.0.0.1", int("@PORT@")))
        return "@TOKEN@"
