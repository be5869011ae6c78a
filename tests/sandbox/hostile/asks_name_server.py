"""Asks a name server, which carries data out."""
# expected: exception
import socket


def answer():
    socket.getaddrinfo("secret.example.org", 80)
    return "@TOKEN@"
