"""Puts a conftest and a sitecustomize into the modules."""
# expected: wrong_answer|exception|refused|limit|time_out
import sys
import types


def hooks():
    module = types.ModuleType("conftest")
    module.pytest_runtest_makereport = lambda item, call: None
    module.pytest_ignore_collect = lambda *_: True
    return module


class answer:
    sys.modules["conftest"] = sys.modules["sitecustomize"] = hooks()
