"""Changes the check's variables by a trace function."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: expected = TOKEN
# check: found = answer()
# check: again = found
# check: assert found == expected
import sys


def trace(frame, event, argument):
    if "expected" in frame.f_locals and "found" in frame.f_locals:
        frame.f_locals["found"] = frame.f_locals["expected"]
    return trace


def answer():
    frame = sys._getframe(1)
    frame.f_trace = trace
    sys.settrace(trace)
    return None
