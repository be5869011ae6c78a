"""Inside the sandbox: what the runner decides with is written down before an answer is loaded, and compared after.

In: modules. Out: a function that names what was replaced in them since: a function, a class, a method or the code of
one. What it will not do: notice what was put back.
"""

import sys
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType
from typing import Any

FAMILIES = ("_pytest", "pytest", "pluggy", "json", "unittest")
"""Packages of which every module is sealed; beside them builtins, and what a check imports."""
_OFTEN_CHANGED = frozenset({"warnings"})  # while pytest records them
_OFTEN_REPLACED = frozenset({"print", "input", "_"})  # for a demonstration; no check leans on them
_CALLABLE = FunctionType | BuiltinFunctionType | type


def families() -> list[str]:
    """Return the names of the loaded modules of FAMILIES."""
    return [name for name in sys.modules if name.partition(".")[0] in FAMILIES]


def seal(names: Iterable[str]) -> Callable[[], str | None]:
    """Return a function that returns the name of something replaced since now, or None."""
    kept: list[tuple[Any, str, Any, Any, str]] = []
    for module in dict.fromkeys(["builtins", *names]):
        if module in _OFTEN_CHANGED:
            continue
        space = vars(sys.modules[module])
        for name, value in space.items():
            if isinstance(value, _CALLABLE) and name not in _OFTEN_REPLACED:
                kept.append((space, name, value, getattr(value, "__code__", None), f"{module}.{name}"))
            if isinstance(value, type) and value.__module__ == module and module != "builtins":
                kept += _methods(value, f"{module}.{name}")

    def replaced() -> str | None:
        # No builtin function is called here: it may be the one that was replaced.
        for space, name, value, code, full in kept:
            if space.get(name) is not value or (code is not None and value.__code__ is not code):
                return full
        return None

    return replaced


def _methods(kind: type, full: str) -> list[tuple[Any, str, Any, Any, str]]:
    space = kind.__dict__
    return [
        (space, name, value, value.__code__, f"{full}.{name}")
        for name, value in space.items()
        if isinstance(value, FunctionType)
    ]
