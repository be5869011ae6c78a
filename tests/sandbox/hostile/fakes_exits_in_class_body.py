"""Ends with success in the body of a class."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys


class answer:
    status = sys.exit(0)
