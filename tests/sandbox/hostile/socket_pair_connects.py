"""Makes a pair of sockets, which is allowed, and tries to connect one to somebody else."""
# expected: exception
import socket


def answer():
    left, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.connect("@SOCKET@")
    left.send(b"secret")
    return "@TOKEN@"
