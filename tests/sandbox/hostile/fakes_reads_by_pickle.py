"""Lets pickle import the expectation."""
# expected: wrong_answer|exception|refused|limit|time_out
import pickle


def answer(*_):
    for name in (b"__main__", b"test_check", b"check", b"test_solution", b"test_answer"):
        try:
            return pickle.loads(b"c" + name + bytes([10]) + b"TOKEN" + bytes([10]) + b".")
        except (ImportError, AttributeError):
            pass
    return None
