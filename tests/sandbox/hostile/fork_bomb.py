"""Forks for ever; every process forks again."""
# expected: exception
import os


def answer():
    while True:
        os.fork()
