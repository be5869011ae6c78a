"""Crashes the interpreter."""
# expected: exception
import ctypes


def answer():
    ctypes.string_at(0)
