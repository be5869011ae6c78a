"""Inside the sandbox: objects that equal everything are found out, so that they cannot pass a check by agreeing.

In: the tree of a hidden check. Out: the same tree, in which every value that is compared goes through `Watch`, which
returns the very same object, so that `is` and all else stay as they are; line numbers are kept. Of each class with
comparisons of its own some objects are kept, those in lists, tuples, sets and dicts too. Only when all tests have
passed are they compared with values drawn at random: a check may count or log comparisons.

What it will not do: find an object that guesses what it is compared with, or that hides in attributes of another.
"""

import ast
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from operator import eq, gt, lt
from types import FunctionType
from typing import Any

NAME = "@watch"
"""What a check's namespace has a `Watch` as; no code can name it."""
LOOKED_INTO = 10_000
"""Values of one container that are looked at, as long as `_ALL` allows; a check in a loop must not become quadratic."""
KEPT = 8
"""Objects of one class that are kept."""
_ALL = 1_000_000
_FEW = 16
_ATOMS = frozenset({int, str, float, bool, bytes, type(None), complex, type, type(len), type(lambda: None)})
_SLOT = type(object.__eq__)  # a comparison that is the interpreter's own
# A number that is taken modulo another, or an approximation, may equal some numbers, and nothing else.
_PROBES = (object(), secrets.token_hex(16))
_NUMBERS = [secrets.randbits(100) - (1 << 99) for _ in range(10)] + [secrets.randbits(60) / 7 for _ in range(2)]
_ITEMS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (list, list.__iter__),
    (tuple, tuple.__iter__),
    (set, set.__iter__),
    (frozenset, frozenset.__iter__),
    (deque, deque.__iter__),
    (dict, lambda value: (part for pair in dict.items(value) for part in pair)),
)


class Watch:
    """Returns what it is given, and keeps some of it.

    Exempt are the check's own classes, whose methods have `space` as their globals, and `unittest.mock.ANY` where the
    check names it (`names_any`).
    """

    def __init__(self, space: dict[str, Any], names_any: bool) -> None:
        self.space = space
        self.exempt: type = Watch
        if names_any:
            from unittest import mock  # which imports much that no other check needs

            self.exempt = type(mock.ANY)
        self.kept: dict[type, list[tuple[Any, bool]]] = {}
        self.left = _ALL

    def __call__(self, value: Any, decides: bool = False) -> Any:
        """Look at a value and, if it is a container, at what is in it.

        `decides`: whether the comparison is used for its truth at once, as it is inside a container.
        """
        if type(value) in _ATOMS:
            return value
        count, limit = 0, LOOKED_INTO if self.left > 0 else _FEW
        waiting, seen = [value], set()
        while waiting and count < limit:
            one = waiting.pop()
            count += 1
            if type(one) in _ATOMS or id(one) in seen:
                continue
            seen.add(id(one))
            self.keep(one, decides or one is not value)
            for kind, items in _ITEMS:
                if issubclass(type(one), kind):
                    # As many as may still be looked at: a copy of a large container costs too.
                    waiting += [part for part, _ in zip(items(one), range(limit - count), strict=False)]
                    break
        self.left -= count
        return value

    def keep(self, value: Any, decides: bool) -> None:
        """Keep a value whose class compares in a way of its own."""
        kind: Any = type(value)
        own = [getattr(kind, name) for name in ("__eq__", "__lt__", "__gt__")]
        if all(type(method) is _SLOT for method in own) or kind is self.exempt:
            return
        if not any(getattr(method, "__globals__", None) is self.space for method in own):
            kept = self.kept.setdefault(kind, [])
            if len(kept) < KEPT:
                kept.append((value, decides))

    def impostor(self) -> str | None:
        """Return the name of a class of which a kept object equals everything, or is both less and greater."""
        for kind, kept in self.kept.items():
            for value, decides in kept:
                if any(_claims(eq, value, probe, decides) for probe in _PROBES):
                    return kind.__name__
                if all(_claims(eq, value, probe, decides) for probe in _NUMBERS):
                    return kind.__name__
                for probes in (_PROBES, _NUMBERS):
                    if all(_claims(order, value, probe, decides) for order in (lt, gt) for probe in probes):
                        return kind.__name__
        return None

    @staticmethod
    def goes_on(function: Any) -> Any:
        """Return a function that cannot end the loop in which `map` calls it; what generators do, too."""
        if not isinstance(function, FunctionType):
            return function

        def call(*values: Any) -> Any:
            try:
                return function(*values)
            except StopIteration as error:
                raise RuntimeError("StopIteration was raised") from error

        return call


def _claims(compare: Callable[[Any, Any], Any], value: Any, probe: Any, decides: bool) -> bool:
    try:
        result = compare(value, probe)
        # Where the result is not used for its truth it may be an expression, or a list: `str(Column("age") == 5)`.
        return bool(result) if decides else result is True
    except BaseException:
        return False  # many an honest object cannot be compared with one of another kind


class _Watcher(ast.NodeTransformer):
    def __init__(self, deciding: set[ast.expr]) -> None:
        self.deciding = deciding

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if not all(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops):
            decides = node in self.deciding
            node.left = _watched(node.left, decides)
            node.comparators = [_watched(value, decides) for value in node.comparators]
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        self.generic_visit(node)
        node.subject = _watched(node.subject, True)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Watch what is given to functions that compare (unittest's methods, isinstance, math.isclose, operator.eq).

        A StopIteration in what map or filter calls would end a loop of the check before it has compared anything.
        """
        self.generic_visit(node)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name.startswith("assert") or name in ("isinstance", "issubclass", "isclose", "eq", "ne"):
            node.args = [value if isinstance(value, ast.Starred) else _watched(value, True) for value in node.args]
        if name in ("map", "filter") and node.args:
            goes_on = ast.Attribute(ast.Name(NAME, ast.Load()), "goes_on", ast.Load())
            node.args[0] = ast.fix_missing_locations(
                ast.copy_location(ast.Call(goes_on, [node.args[0]], []), node.args[0])
            )
        return node


def _watched(node: ast.expr, decides: bool) -> ast.expr:
    if isinstance(node, ast.Constant):
        return node
    call = ast.Call(ast.Name(NAME, ast.Load()), [node, ast.Constant(decides)], [])
    return ast.fix_missing_locations(ast.copy_location(call, node))


def _decides(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what a condition is made of."""
    yield node
    parts = node.values if isinstance(node, ast.BoolOp) else [node.operand] if isinstance(node, ast.UnaryOp) else []
    for part in parts:
        yield from _decides(part)


def watched(tree: ast.Module, space: dict[str, Any]) -> tuple[ast.Module, Watch]:
    """Return a check's tree in which all that is compared goes through the watch, and the watch.

    The tree is changed in place; `space`, in which it is to be run, has the watch by NAME.
    """
    nodes = list(ast.walk(tree))
    names = {getattr(node, "id", None) or getattr(node, "attr", None) for node in nodes}
    conditions = [node.test for node in nodes if isinstance(node, ast.Assert | ast.If | ast.While | ast.IfExp)]
    deciding = {part for condition in conditions for part in _decides(condition)}
    watch = space[NAME] = Watch(space, "ANY" in names)
    return _Watcher(deciding).visit(tree), watch
