"""Forks through the C library and through clone3, and counts the processes that came of it."""
# expected: wrong_answer
import ctypes
import os

libc = ctypes.CDLL(None)


def answer():
    born = 0
    for _ in range(200):
        born += libc.fork() > 0
        born += libc.vfork() > 0 if os.name == "none" else 0
        born += libc.syscall(435, (ctypes.c_uint64 * 11)(), 88) > 0
        born += libc.syscall(56, 17, 0, 0, 0, 0) > 0
    return "@TOKEN@" if born else "none was born"
