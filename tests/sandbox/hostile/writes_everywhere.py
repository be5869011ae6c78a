"""Tries to write in every usual place."""
# expected: exception


def answer():
    for place in ("/", "/tmp/", "/dev/shm/", "/var/tmp/", "/run/", "/root/", "/home/", "/dev/", "", "/lib/", "/etc/"):
        try:
            open(f"{place}@NAME@", "w").write("here I am")
        except OSError:
            continue
        return "@TOKEN@"
    raise LookupError("nowhere to write")
