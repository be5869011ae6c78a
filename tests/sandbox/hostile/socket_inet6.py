"""Connects to the loopback interface and asks for the token."""
# expected: exception
import socket


def answer():
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as there:
        there.connect(("::1", int("@PORT@")))
        return there.recv(100).decode()
