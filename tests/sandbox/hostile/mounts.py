"""Leaves its namespaces and mounts what it likes."""
# expected: wrong_answer
import ctypes

libc = ctypes.CDLL(None)


def answer():
    tried = [libc.unshare(flag) for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000)]
    tried += [libc.mount(b"none", b"/tmp", b"tmpfs", 0, 0), libc.chroot(b"/"), libc.umount2(b"/", 2)]
    tried += [libc.pivot_root(b"/", b"/")] if hasattr(libc, "pivot_root") else []
    return "@TOKEN@" if max(tried) >= 0 else "kept in"
