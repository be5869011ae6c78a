"""Ends with success while it is imported."""
# expected: exception
import sys

sys.exit(0)
