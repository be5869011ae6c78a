"""Listens for orders."""
# expected: exception
import socket


def answer():
    socket.create_server(("127.0.0.1", 0))
    return "@TOKEN@"
