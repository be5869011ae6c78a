"""Finds pytest's manager of plugins and registers a hook that turns failures into passes."""
# expected: wrong_answer|exception|refused|limit|time_out
import gc

import pytest


class Plugin:
    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        outcome.get_result().outcome = "passed"


def answer():
    for thing in gc.get_objects():
        if isinstance(thing, pytest.PytestPluginManager):
            thing.register(Plugin(), "fake")
    return None
