"""The seal: what was replaced since is named, and what honest code does is not."""

import sys
import types
from collections.abc import Iterator

import pytest

from distill.sandbox.inside.seal import families, seal


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    made = sys.modules["sealed"] = types.ModuleType("sealed")
    exec("def f(): return 1\n\nclass C:\n    def m(self): pass\n\nnumber = 1\n", made.__dict__)  # noqa: S102
    yield made
    del sys.modules["sealed"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("f = len", "f"),
        ("del f", "f"),
        ("f.__code__ = (lambda: 2).__code__", "f"),
        ("class C: pass", "C"),
        ("C.m = len", "C.m"),
        ("C.m.__code__ = (lambda self: 2).__code__", "C.m"),
    ],
)
def test_what_was_replaced_is_named(module: types.ModuleType, change: str, name: str) -> None:
    replaced = seal(["sealed"])
    assert replaced() is None
    exec(change, module.__dict__)  # noqa: S102
    assert replaced() == f"sealed.{name}"


def test_additions_and_values_are_no_replacement(module: types.ModuleType) -> None:
    replaced = seal(["sealed"])
    exec("number = 2\ndef g(): pass\nC.other = 1\n", module.__dict__)  # noqa: S102
    assert replaced() is None


def test_pytest_and_builtins_are_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced = seal(families())
    with monkeypatch.context() as patch:
        patch.setattr("pytest.raises", len)
        assert replaced() == "pytest.raises"
    with monkeypatch.context() as patch:
        patch.setattr("builtins.print", len)  # a demonstration may; no check leans on it
        assert replaced() is None
        patch.setattr("builtins.sum", len)
        assert replaced() == "builtins.sum"
