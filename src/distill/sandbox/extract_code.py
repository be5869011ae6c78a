"""From a Markdown answer to Python source that can be loaded.

In: an answer, and the names that its hidden check imports. Out: source, or why there is none. Nothing is run.

What counts as code: the fenced blocks of Python, and those without a language that define or import something, or are
nothing but Python and set a value. Interactive sessions (`>>>`) do not count. An answer without any block is code
itself, by the same rule, from its first line that is. Of each block the longest beginning that compiles is read
(`distill.sandbox.statements`), so an answer that was cut off after the function was complete can pass.

Two sources come of it: `selected`, what the wanted names need (`selection` has the rule), and `as_written`,
all of it. `refused` looks for what reaches for the program that runs the code (`distill.sandbox.refusal`).
"""

import ast
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from distill.sandbox.refusal import refused
from distill.sandbox.selection import EVERYTHING, choose
from distill.sandbox.statements import Assignment, Function, Statement, split
from distill.shared.code_blocks import PYTHON, blocks, is_session

__all__ = ["NoSource", "as_written", "refused", "selected", "wanted_names"]

_OF_EVERY_MODULE = frozenset({"__doc__", "__file__", "__name__"})
_TEST_MODULES = frozenset({"hypothesis", "pytest", "unittest"})


@dataclass(frozen=True)
class NoSource:
    """Why an answer has nothing to run: its outcome (`no_code` or `syntax`) and one line."""

    outcome: str
    detail: str


@dataclass(frozen=True)
class _Code:
    """The code of one block: as it stands, its statements, and what does not compile in it."""

    text: str
    statements: list[Statement]
    error: str | None


def selected(answer: str, wanted: frozenset[str]) -> str | NoSource:
    """Return what is loaded for pass@1: the statements that the wanted names need.

    A name that the answer does not give is missing in the source too.
    """
    found = _found(answer)
    statements = [one for code in found for one in code.statements]
    chosen, wanted = choose(statements, wanted), wanted - {EVERYTHING}
    given = frozenset[str]().union(*(one.binds for one in chosen if not (one.cut and isinstance(one.node, Function))))
    broken = next((code.error for code in found if code.error), None)
    if broken and (not statements or wanted - given):
        return NoSource("syntax", broken)
    if not found:
        return NoSource("no_code", "the answer has no Python code block")
    if not wanted & given and all(only_tests(code.statements) for code in found):
        return NoSource("no_code", "the answer's code blocks hold only tests")
    return _joined(chosen, {one.block for one in chosen}, statements)


def as_written(answer: str) -> str | NoSource:
    """Return all of the answer's code, as a person would paste it into one file.

    Left out are blocks of nothing but tests, which import a file that only their author has. What does not compile
    makes the whole `syntax`. A `from __future__ import` of a later block moves to the top.
    """
    found = _found(answer)
    if not found:
        return NoSource("no_code", "the answer has no Python code block")
    if broken := next((code.error for code in found if code.error), None):
        return NoSource("syntax", broken)
    kept = [code for code in found if not only_tests(code.statements)]
    if not kept:
        return NoSource("no_code", "the answer's code blocks hold only tests")
    statements = [one for code in kept for one in code.statements]
    if any(one.is_future for code in kept[1:] for one in code.statements):
        return _joined(statements, {one.block for one in statements}, statements)
    return "\n\n".join(code.text for code in kept)


def wanted_names(check: str) -> frozenset[str]:
    """Return the names that a hidden check takes from `solution`; EVERYTHING is one where it looks names up itself."""
    nodes = list(ast.walk(ast.parse(check)))
    imported = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules = {alias.asname or alias.name for alias in imported if alias.name == "solution"}
    names: set[str] = set()
    attributes: set[ast.AST] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "solution":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", None) in modules:
            names.add(EVERYTHING if node.attr == "__dict__" else node.attr)
            attributes.add(node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = re.fullmatch(r"solution(?:\.(\w+))?", node.value)
            names |= {found[1] or EVERYTHING} if found else set()
    if any(isinstance(node, ast.Name) and node.id in modules and node not in attributes for node in nodes):
        names.add(EVERYTHING)  # getattr(solution, name), vars(solution)
    return frozenset(names - _OF_EVERY_MODULE)


def _found(answer: str) -> list[_Code]:
    """Return the code of an answer: of its blocks, or of the answer itself where it has none."""
    fenced = [block for block in blocks(answer) if block.code.strip()]
    if not fenced:
        return [_beginning(code) for code in [_Code(answer, *split(answer))] if _gives(code)]
    found = []
    for number, block in enumerate(fenced):
        if block.language not in (*PYTHON, "") or is_session(block.code):
            continue
        code = _Code(block.code, *split(block.code, number))
        if block.language in PYTHON:
            found.append(code)
        elif _gives(code):
            found.append(_beginning(code))
    return found


def _beginning(code: _Code) -> _Code:
    """Forget what follows the code: where nobody said that it is Python, it makes no answer wrong."""
    return _Code("\n".join(one.text for one in code.statements), code.statements, None) if code.error else code


def _gives(code: _Code) -> bool:
    """Tell whether text that nobody called Python is code: it defines or imports, or compiles and sets a value."""
    values = (one.node for one in code.statements if isinstance(one.node, Assignment) and not code.error)
    defines = any(one.is_definition or one.is_import for one in code.statements)
    return defines or any(node.value is not None for node in values)


def only_tests(statements: Sequence[Statement]) -> bool:
    """Tell whether code has tests, or imports a library for them, and else only what they take from elsewhere."""
    nodes = [one.node for one in statements if isinstance(one.node, Function | ast.ClassDef)]
    tests = [node for node in nodes if node.name.startswith(("test_", "Test"))]
    imported = {name.split(".")[0] for one in statements for name in _imported(one.node)}
    elsewhere = imported - sys.stdlib_module_names - _TEST_MODULES
    return bool(tests or imported & _TEST_MODULES) and (len(tests) == len(nodes) or bool(elsewhere))


def _imported(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def _joined(chosen: Iterable[Statement], used: set[int], statements: Iterable[Statement]) -> str:
    """Return the source of some statements, with the `from __future__` imports of their blocks first."""
    futures = dict.fromkeys(one.text for one in statements if one.is_future and one.block in used)
    return "".join(f"{text}\n" for text in [*futures, *(one.text for one in chosen if not one.is_future)])
