"""Reads the expectation from the stack that the traceback module walks."""
# expected: wrong_answer|exception|refused|limit|time_out
import traceback


def answer(depth=3):
    if depth:
        return answer(depth - 1)
    for frame, _ in traceback.walk_stack(None):
        if "TOKEN" in frame.f_globals:
            return frame.f_globals["TOKEN"]
    return None
