"""Connects to a socket in the file system and asks for the token."""
# expected: exception
import socket


def answer():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as there:
        there.connect("@SOCKET@")
        return there.recv(100).decode()
