"""Reads the expectation from what the collector of garbage knows."""
# expected: wrong_answer|exception|refused|limit|time_out
import gc


def answer(*_):
    for thing in gc.get_objects():
        if isinstance(thing, dict) and "TOKEN" in thing and isinstance(thing["TOKEN"], str):
            return thing["TOKEN"]
    return None
