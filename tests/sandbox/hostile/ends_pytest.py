"""Ends pytest with success."""
# expected: exception
import pytest


def answer():
    pytest.exit("all is well", returncode=0)
