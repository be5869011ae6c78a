"""Ends with success without any clean-up."""
# expected: exception
import os


def answer():
    os._exit(0)
