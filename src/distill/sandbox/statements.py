"""The top-level statements of a piece of code, and what each binds and needs.

In: code that may end, or begin, in something that is no Python. Out: its statements. Nothing is run.
"""

import ast
import re
import symtable
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from distill.shared.code_blocks import parsed

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = Function | ast.ClassDef | ast.Lambda
Assignment = ast.Assign | ast.AnnAssign
Compound = ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.TryStar | ast.Match

_BEGINNING = re.compile(r"(?:async\s+def|def|class|import|from)\s|@")
_COMPREHENSIONS = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr"})


@dataclass(frozen=True, eq=False)
class Statement:
    """One top-level statement.

    Attributes:
        place: The number of its block, and its own number in there.
        node, text: What it is, and as it stands in the answer, decorators included.
        binds: The names that it gives the module.
        at_once: The names of the module that it reads while it is loaded.
        uses: These, and those that the functions in it read when called.
        hints: Words in annotations that are text (`"Node"`).
        cut: Whether the code broke off inside it.
    """

    place: tuple[int, int]
    node: ast.stmt
    text: str
    binds: frozenset[str]
    at_once: frozenset[str]
    uses: frozenset[str]
    hints: frozenset[str]
    cut: bool

    @property
    def block(self) -> int:
        """The number of its block."""
        return self.place[0]

    @cached_property
    def own(self) -> list[ast.AST]:
        """Every node in it that belongs to the module's own scope, the statement itself included."""
        return list(_own(self.node))

    @property
    def is_definition(self) -> bool:
        """Whether it is a function or a class."""
        return isinstance(self.node, Function | ast.ClassDef)

    @property
    def is_import(self) -> bool:
        """Whether it is an import, `from __future__` included."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @property
    def is_star(self) -> bool:
        """Whether it imports whatever a module has."""
        return isinstance(self.node, ast.ImportFrom) and self.node.names[0].name == "*"

    @property
    def is_future(self) -> bool:
        """Whether it is a `from __future__ import`."""
        return isinstance(self.node, ast.ImportFrom) and self.node.module == "__future__"

    @property
    def is_main(self) -> bool:
        """Whether it runs only as a program: `if __name__ == "__main__"`."""
        test = self.node.test if isinstance(self.node, ast.If) else None
        return test is not None and any(getattr(node, "id", "") == "__name__" for node in ast.walk(test))

    @property
    def is_foreign(self) -> bool:
        """Whether it imports from something other than the standard library."""
        if isinstance(self.node, ast.ImportFrom):
            return bool(self.node.level) or (self.node.module or "").split(".")[0] not in sys.stdlib_module_names
        names = self.node.names if isinstance(self.node, ast.Import) else []
        return any(alias.name.split(".")[0] not in sys.stdlib_module_names for alias in names)

    @property
    def is_stub(self) -> bool:
        """Whether it only says what is to be written: an empty function or class, a `typing.overload`."""
        return is_stub(self.node)


def split(code: str, block: int = 0) -> tuple[list[Statement], str | None]:
    """Return the statements of the longest beginning of some code that compiles, and what is wrong with the rest.

    Where not even the first line compiles (prose, `!pip install`), the code begins at the first line that opens a
    definition or an import and compiles.
    """
    code = re.sub(r"\r\n?", "\n", code)
    whole = _error(code)
    if whole is None:
        return _statements(code, block, cut=False), None
    lines = code.split("\n")
    starts = [0, *(number for number, line in enumerate(lines) if number and _BEGINNING.match(line))]
    for start in starts:
        size = _compiling(lines[start:])
        found = _statements("\n".join(lines[start : start + size]), block, _inside(lines[start + size :]))
        if found:
            return found, whole[1]
    return [], whole[1]


def is_stub(node: ast.stmt) -> bool:
    """Tell whether a definition is empty, or holds nothing but empty functions; a subclass or decorated one is not."""
    if isinstance(node, Function):
        return is_overload(node) or (not node.decorator_list and all(_is_empty(child) for child in node.body))
    if isinstance(node, ast.ClassDef) and not (node.bases or node.keywords or node.decorator_list):
        return all(_is_empty(child) or (isinstance(child, Function) and is_stub(child)) for child in node.body)
    return False


def is_overload(node: Function) -> bool:
    """Tell whether a function only says to type checkers what another one does: a `typing.overload`."""
    return any(getattr(one, "attr", getattr(one, "id", "")) == "overload" for one in node.decorator_list)


def _is_empty(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Return):
        return node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    raised = node.exc if isinstance(node, ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(node, ast.Pass) or (isinstance(raised, ast.Name) and raised.id == "NotImplementedError")


def _error(code: str) -> tuple[int | None, str] | None:
    """Return the number of the line that does not compile, if it is known, and one line that says why."""
    try:
        tree = parsed(code)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(tree, "solution.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) and error.lineno else None
        reason = getattr(error, "msg", None) or type(error).__name__
        return line, f"line {line}: {reason}" if line else reason
    return None


def _compiling(lines: list[str]) -> int:
    """Return how many of the first lines compile together: the most that do.

    No statement that reaches into the faulty line is whole, so the next try ends before it.
    """
    size = len(lines)
    while size and (error := _error("\n".join(lines[:size]))):
        size = min(size, error[0] or size) - 1
    return size


def _inside(rest: list[str]) -> bool:
    """Tell whether what follows is the inside of a definition: the next line with anything on it is indented."""
    return next((line[0] in " \t" for line in rest if line.strip()), False)


def _statements(code: str, block: int, cut: bool) -> list[Statement]:
    lines = code.split("\n")
    nodes = parsed(code).body
    found = []
    for number, node in enumerate(nodes):
        text = _text(lines, node)
        broken = cut and node is nodes[-1]
        found.append(Statement((block, number), node, text, *_names(node, text), _hints(node), broken))
    return found


def _text(lines: list[str], node: ast.stmt) -> str:
    """Return a statement's own text; the parser counts columns in bytes, and a decorated definition from `def`."""
    first, start = node.lineno - 1, node.col_offset
    decorators = node.decorator_list if isinstance(node, Function | ast.ClassDef) else []
    if decorators:
        first, start = decorators[0].lineno - 1, 0
        while not lines[first].lstrip().startswith("@"):
            first -= 1
    rows = [line.encode() for line in lines[first : node.end_lineno]]
    rows[-1] = rows[-1][: node.end_col_offset]
    rows[0] = rows[0][start:]
    return b"\n".join(rows).decode()


def _names(node: ast.stmt, text: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the names of the module that a statement binds, reads at once, and reads at any time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        top = symtable.symtable(text, "solution.py", "exec")
    binds = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported()}
    binds -= {one.id for one in _own(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Del)}
    at_once = {one.get_name() for one in top.get_symbols() if one.is_referenced()}
    uses = set(at_once)
    tables = [(child, True) for child in top.get_children()]
    while tables:
        table, now = tables.pop()
        now = now and (table.get_type() != "function" or table.get_name() in _COMPREHENSIONS)
        found = {one.get_name() for one in table.get_symbols() if one.is_global()}
        uses |= found
        at_once |= found if now else set()
        tables += [(child, now) for child in table.get_children()]
    return frozenset(binds), frozenset(at_once), frozenset(uses)


def _hints(node: ast.stmt) -> frozenset[str]:
    found: set[str] = set()
    for child in ast.walk(node):
        for annotation in (getattr(child, "annotation", None), getattr(child, "returns", None)):
            for part in ast.walk(annotation) if isinstance(annotation, ast.AST) else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    found |= set(re.findall(r"\b[^\W\d]\w*", part.value))
    return frozenset(found)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node that is not in the body of a function, class or lambda. No nesting is too deep for it."""
    queue = [node]
    while queue:
        node = queue.pop()
        yield node
        body = node.body if isinstance(node, Scope) else []
        inside = body if isinstance(body, list) else [body]
        queue += [child for child in ast.iter_child_nodes(node) if child not in inside]
