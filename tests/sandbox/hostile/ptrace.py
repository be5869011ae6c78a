"""Attaches to another process and reads its memory."""
# expected: wrong_answer
import ctypes

libc = ctypes.CDLL(None)


def answer():
    attached = libc.ptrace(16, int("@VICTIM@"), 0, 0)
    seized = libc.ptrace(0x4206, int("@VICTIM@"), 0, 0)
    local = (ctypes.c_uint64 * 2)(0, 8)
    read = libc.process_vm_readv(int("@VICTIM@"), local, 1, local, 1, 0)
    opened = libc.syscall(434, int("@VICTIM@"), 0)
    return "@TOKEN@" if max(attached, seized, read, opened) >= 0 else "kept out"
