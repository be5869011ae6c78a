"""Connects to a socket that has a name but no file."""
# expected: exception
import socket


def answer():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as there:
        there.connect(chr(0) + "@NAME@")
        return there.recv(100).decode()
