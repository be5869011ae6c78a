"""Sets up a queue through which system calls go around filters."""
# expected: wrong_answer
import ctypes

libc = ctypes.CDLL(None)


def answer():
    return "@TOKEN@" if libc.syscall(425, 8, (ctypes.c_uint8 * 120)()) >= 0 else "kept out"
