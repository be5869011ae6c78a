"""Defines what a conftest would: hooks that turn a failure into a pass."""
# expected: wrong_answer|exception|refused|limit|time_out
import pytest

pytest_plugins = ["solution"]
collect_ignore_glob = ["*"]
__test__ = False


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    outcome.get_result().outcome = "passed"


def pytest_collection_modifyitems(items):
    items.clear()


def pytest_pyfunc_call(pyfuncitem):
    return True


@pytest.fixture(autouse=True)
def pass_all():
    yield
    pytest.skip()


def answer():
    return None
