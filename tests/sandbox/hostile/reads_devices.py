"""Reads memory and disks."""
# expected: exception


def answer():
    for name in ("mem", "kmem", "vda", "sda", "nvme0n1", "kmsg", "fuse", "vsock", "tty", "shm/x"):
        try:
            open(f"/dev/{name}", "rb").read(1)
        except OSError:
            continue
        return "@TOKEN@"
    raise LookupError("nothing to be seen")
