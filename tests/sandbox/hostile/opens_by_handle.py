"""Opens files by handle, which goes around paths."""
# expected: wrong_answer
import ctypes

libc = ctypes.CDLL(None)


def answer():
    handle = (ctypes.c_uint32 * 40)(128, 1, 2)
    got = libc.name_to_handle_at(-100, b"/", handle, (ctypes.c_int * 1)(), 0)
    opened = libc.open_by_handle_at(0, handle, 0)
    return "@TOKEN@" if got >= 0 or opened >= 0 else "kept out"
