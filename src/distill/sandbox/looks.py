"""What a statement does, by its look: which names it reads, calls and changes.

In: a statement, or its syntax tree. Out: names. `selection` decides by them what belongs to what. Nothing is run.
"""

import ast
from collections.abc import Iterator

from distill.sandbox.statements import Assignment, Function, Statement, is_stub


def collects_subclasses(statement: Statement) -> bool:
    return "__init_subclass__" in statement.text or "__subclasses__" in statement.text


def is_placeholder(node: ast.stmt) -> bool:
    """Tell whether it only prepares a name: `fast = None`."""
    return isinstance(node, Assignment) and (
        node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    )


def methods(node: ast.stmt) -> set[str]:
    """Return the finished methods of a class."""
    body = node.body if isinstance(node, ast.ClassDef) else []
    return {child.name for child in body if isinstance(child, Function) and not is_stub(child)}


def root(node: ast.AST | None) -> str | None:
    """Return the name that an expression starts from: `a` of `a.b[c](d).e`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def changed(statement: Statement) -> Iterator[tuple[str, ast.AST]]:
    """Yield what a statement changes in place: the name, and the attribute, item or call by which it does."""
    for node in statement.own:
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            start: ast.AST = node
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            node = node.value
            start = node.func if isinstance(node.func, ast.Attribute) else node
        else:
            continue
        while isinstance(start, ast.Attribute | ast.Subscript):
            start = start.value
        if isinstance(start, ast.Name):
            yield start.id, node


def calls(node: ast.stmt) -> set[str]:
    """Return the functions whose calls a simple statement consists of, by their last names."""
    if isinstance(node, ast.Expr):
        call: ast.AST = node.value
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
        call = node.targets[0].value
    else:
        return set()
    function = call.func if isinstance(call, ast.Call) else None
    return {str(getattr(function, "attr", getattr(function, "id", "")))}


def loads(statement: Statement) -> set[str]:
    return {node.id for node in statement.own if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def called(statement: Statement) -> set[str]:
    return {node.func.id for node in statement.own if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
