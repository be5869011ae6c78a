"""Takes shared memory, which belongs to no process."""
# expected: exception
import mmap


def answer():
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 64 << 20))
