"""Starts a shell that writes outside."""
# expected: exception
import subprocess


def answer():
    return subprocess.run(["/bin/sh", "-c", "echo x > @TARGET@; cat @SECRET@"], capture_output=True, text=True).stdout
