"""Makes the check jump over its assertion by a trace function."""
# expected: wrong_answer|exception|refused|limit|time_out
# check: found = answer()
# check: assert found == TOKEN
# check: found = None
import sys


def trace(frame, event, argument):
    if event == "line" and frame.f_code.co_name == "test_answer":
        frame.f_lineno = frame.f_lineno + 1
    return trace


def answer():
    sys._getframe(1).f_trace = trace
    sys.settrace(trace)
    return None
