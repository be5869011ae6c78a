"""Lists homes, temporary files and the repository."""
# expected: exception
import os


def answer():
    for place in ("@REPOSITORY@", "@HOME@", "/tmp", "/home", "/var"):
        try:
            names = os.listdir(place)
        except OSError:
            continue
        if len(names) > 1:  # bubblewrap makes directories on the way to the interpreter
            return "@TOKEN@"
    raise LookupError("nothing to be seen")
