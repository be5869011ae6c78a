"""From a Markdown answer to Python source that can be loaded.

In: an answer, and the names that its hidden check imports. Out: sources to try, in order. Nothing is run.

The rule: take the Python and the untagged fenced blocks that compile, in order; leave out those that hold nothing but
tests (every definition is a test, or pytest or unittest is imported and no wanted name is defined) and sessions
(`>>>`). First comes their concatenation; where it cannot be imported, the first block that defines a wanted name is
tried alone. An answer without any block that could be Python is `no_code`, unless the whole answer compiles and
defines a wanted name; one whose blocks all fail to compile is `syntax`.
"""

import ast
from dataclasses import dataclass

from distill.codeblocks import PYTHON, Block, blocks

_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_TEST_MODULES = frozenset({"pytest", "unittest"})


@dataclass(frozen=True)
class NoSource:
    """Why an answer has nothing to run: its outcome (`no_code` or `syntax`) and one line."""

    outcome: str
    detail: str


def sources(answer: str, wanted: frozenset[str]) -> list[str] | NoSource:
    """Return the sources to try, or why there are none."""
    found = [block for block in blocks(answer) if _could_be_python(block)] or _bare(answer, wanted)
    if not found:
        return NoSource("no_code", "the answer has no Python code block")
    trees = [(block.code, _parse(block.code)) for block in found]
    usable = [(code, tree) for code, tree in trees if isinstance(tree, ast.Module)]
    if not usable:
        return NoSource("syntax", next(tree for _, tree in trees if isinstance(tree, str)))
    kept = [(code, tree) for code, tree in usable if not _only_tests(tree, wanted)]
    if not kept:
        return NoSource("no_code", "the answer's code blocks hold only tests")
    whole = "\n\n".join(code for code, _ in kept)
    alone = next((code for code, tree in kept if wanted & defined(tree)), whole)
    return list(dict.fromkeys([whole, alone]))


def wanted_names(check: str) -> frozenset[str]:
    """Return the names that a hidden check takes from `solution`, by `from solution import` or `solution.name`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(check)):
        if isinstance(node, ast.ImportFrom) and node.module == "solution":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "solution":
            names.add(node.attr)
    return frozenset(names)


def defined(tree: ast.Module) -> frozenset[str]:
    """Return the names that a module defines at its top level, by def, class, assignment or import."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, _DEFINITIONS):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return frozenset(names)


def _could_be_python(block: Block) -> bool:
    tagged = block.language in PYTHON or (not block.language and not isinstance(_parse(block.code), str))
    return tagged and bool(block.code.strip()) and not block.code.lstrip().startswith(">>>")


def _bare(answer: str, wanted: frozenset[str]) -> list[Block]:
    tree = _parse(answer)
    usable = isinstance(tree, ast.Module) and wanted & defined(tree)
    return [Block("python", answer, closed=True)] if usable else []


def _parse(code: str) -> ast.Module | str:
    """Return the tree of code that compiles, or one line that says why it does not."""
    try:
        tree = ast.parse(code)
        compile(tree, "solution.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        return f"{line}{getattr(error, 'msg', None) or type(error).__name__}"
    return tree


def _only_tests(tree: ast.Module, wanted: frozenset[str]) -> bool:
    names = [node.name for node in tree.body if isinstance(node, _DEFINITIONS)]
    if wanted & defined(tree):
        return False
    tests = [name for name in names if name.startswith(("test_", "Test"))]
    return bool(_TEST_MODULES & _imported(tree)) or (bool(tests) and len(tests) == len(names))


def _imported(tree: ast.Module) -> set[str]:
    plain = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}


def selected(answer: str, wanted: frozenset[str]) -> str | NoSource:
    found = sources(answer, wanted)
    return found if isinstance(found, NoSource) else found[-1]


def as_written(answer: str) -> str | NoSource:
    found = [block.code for block in blocks(answer) if _could_be_python(block)]
    return "\n\n".join(found) if found else NoSource("no_code", "the answer has no Python code block")


def refused(source: str) -> str | None:
    names = {"gc", "ctypes", "_getframe", "f_back", "__main__", "_pytest"}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found = names & {alias.name for alias in node.names}
        else:
            found = names & {getattr(node, "attr", None)}
        if found:
            return str(min(found))
    return None
