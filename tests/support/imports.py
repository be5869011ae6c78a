"""Who imports whom in src/distill, by the syntax trees: what the rules of the house and dvc.yaml are held to."""

import ast
from functools import cache
from pathlib import Path

from repository import ROOT

PACKAGE = ROOT / "src/distill"


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def names(path: Path) -> frozenset[str]:
    """What a module imports, anywhere in it, by full names; `from a import b` may mean a module or a name in it."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


@cache
def imports(path: Path) -> frozenset[Path]:
    """The files of the package that a module uses: those it imports, and those it starts by name (`python -m`)."""
    strings = {node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)}
    started = {text for text in strings if isinstance(text, str) and text.startswith("distill.") and " " not in text}
    files = {_file(name) for name in names(path) | started if name.startswith("distill.")}
    return frozenset(file for file in files if file is not None and file != path)


def closure(start: Path) -> set[Path]:
    """A module, and all that it comes to import."""
    found: set[Path] = set()
    todo = [start]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo.extend(imports(path))
    return found


def module(path: Path) -> str:
    """A file's name as modules are named below `distill`: `train.run`."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def modules() -> list[Path]:
    """All modules, but not the packages' docstrings."""
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def _file(name: str) -> Path | None:
    """The file of a module, or of a package that is started (`python -m distill.train`); None for other names."""
    place = PACKAGE.joinpath(*name.split(".")[1:])
    files = (place.with_suffix(".py"), place / "__main__.py")
    return next((file for file in files if file.is_file()), None)
