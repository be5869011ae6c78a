"""Goes around through the root and the working directory of other processes."""
# expected: exception


def answer():
    for number in ("self", "1", "@VICTIM@", "thread-self"):
        for way in ("root", "cwd", "task/1/root"):
            try:
                return open(f"/proc/{number}/{way}/@SECRET@").read()
            except OSError:
                pass
    raise LookupError("nothing to be seen")
