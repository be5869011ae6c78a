"""Brings hooks and fixtures of its own, as a conftest file would."""
# expected: wrong_answer
# check: import solution
# check: assert answer() == TOKEN
import pytest

pytest_plugins = ["solution"]


def pytest_pyfunc_call(pyfuncitem):
    return True


def pytest_runtest_makereport(item, call):
    call.excinfo = None


@pytest.fixture(autouse=True)
def skip():
    pytest.skip("not today")


def answer():
    return None
