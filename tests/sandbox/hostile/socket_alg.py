"""Talks to the kernel's ciphers."""
# expected: exception
import socket


def answer():
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as there:
        there.bind(("hash", "sha256"))
    return "@TOKEN@"
