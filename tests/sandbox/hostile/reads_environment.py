"""Reads the key in the environment."""
# expected: exception
import os


def answer():
    return os.environ["ANTHROPIC_API_KEY"]
