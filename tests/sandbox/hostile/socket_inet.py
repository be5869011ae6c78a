"""Connects to the loopback interface and asks for the token."""
# expected: exception
import socket


def answer():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as there:
        there.connect(("127.0.0.1", int("@PORT@")))
        return there.recv(100).decode()
