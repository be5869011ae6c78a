"""Reads the key in the environment of other processes."""
# expected: exception
import os


def answer():
    for number in [os.getppid(), int("@VICTIM@"), int("@JUDGE@"), 1]:
        try:
            data = open(f"/proc/{number}/environ").read()
        except OSError:
            continue
        if "ANTHROPIC_API_KEY" in data:
            return data.split("ANTHROPIC_API_KEY=")[1].split(chr(0))[0]
    raise LookupError("nothing to be seen")
