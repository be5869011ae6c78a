"""Which top-level statements of an answer the wanted names need.

In: the statements of all its blocks, and the names that the check imports. Out: those to load, in the order to load
them. Nothing is run. The rule, after EvalPlus's sanitiser, which keeps imports, definitions and what they need:

- **Where a name is given several times, the first complete answer counts.** The answer's home is the first block
  that gives every wanted name completely, by its own definitions or imports from the standard library. Not complete
  is: a stub (nothing but `pass`, `...`, a docstring, `return`, `raise NotImplementedError`), a `typing.overload`, a
  definition in which the code broke off, an import from elsewhere (`from clamp import clamp`, as tests do), and a
  value for a wanted name that is no function by its look (`average = sum(x) / len(x)`). A class that a later block
  states again with more finished methods was not complete. Where no block is a home, each name is looked for alone.
- **Any other name** comes from the block that needs it, or else from the first that gives it; complete goes first.
  Within one block too the first complete one counts: a later one is "a common mistake" or another version.
- **What belongs to a needed name comes with it**, in blocks that give something needed: a rebinding that passes the
  name on (`f = cache(f)`, not `f = f(3)`), `+=`, `f.calls = 0`, `TABLE["a"] = 1`, `TABLE.update(…)`, loops and
  branches that fill such a value, what registers itself by a decorator (`@f.register`, `@operator("+")`), subclasses
  of a needed class that collects them, and settings that change what code can do (`SETTINGS`).
- **A check that looks names up itself** (`from solution import *`, `vars(solution)`) needs every definition, and every
  value that is set without a call.
- **Nothing else**: no prints, asserts or calls, no `if __name__ == "__main__"`, no unneeded import or definition.
  What only a function called at the top level would do (`build_table()` filling a global) is not seen.
- Code that looks names up by itself (`eval`, `exec`, `globals`) needs all the definitions of its block.
"""

import ast
import builtins
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from distill.sandbox import looks
from distill.sandbox.statements import Assignment, Compound, Function, Statement, is_overload

EVERYTHING = "*"
"""Stands among the wanted names for all that an answer gives."""
SETTINGS = frozenset({"setrecursionlimit", "set_int_max_str_digits"})
"""Calls that are kept even though nothing else needs their module."""
MODULE_SETTINGS = frozenset({"getcontext", "setcontext", "seed", "stack_size", "filterwarnings", "simplefilter"})
"""Calls that are kept where the code needs their module anyway (`decimal.getcontext().prec = 50`)."""

_LOOK_UPS = frozenset({"eval", "exec", "globals"})
_OWN_MODULE = "sys.modules[__name__]"
_REGISTERS = ("pickle", "register")
_LOOPS = ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith
_CALLABLE = ast.Lambda | ast.Name | ast.Attribute
_BUILTINS = frozenset(dir(builtins))


def choose(statements: Sequence[Statement], wanted: frozenset[str]) -> list[Statement]:
    """Return the statements that the wanted names need; what no statement gives is not there."""
    return _Choice(statements, wanted).made()


class _Choice:
    """One choice: what is taken so far, and for each needed name the statement that gives it."""

    def __init__(self, statements: Sequence[Statement], wanted: frozenset[str]) -> None:
        self.all = [one for one in statements if not one.is_main]
        self.wanted = wanted - {EVERYTHING}
        self.everything = EVERYTHING in wanted
        self.taken: set[Statement] = set()
        self.giver: dict[str, Statement] = {}

    def made(self) -> list[Statement]:
        home = self._home()
        self._need((name, home) for name in sorted(self.wanted))
        self._need((name, one.block) for one in self.all if self._is_public(one) for name in sorted(one.binds))
        while more := [one for one in self.all if one not in self.taken and self._belongs(one)]:
            for one in more:
                self._take(one)
        return list(self._ordered())

    def _is_public(self, statement: Statement) -> bool:
        """Tell whether a check that looks names up itself needs what a statement gives."""
        plain = isinstance(statement.node, Assignment) and not any(isinstance(one, ast.Call) for one in statement.own)
        return self.everything and (statement.is_definition or plain)

    def _take(self, statement: Statement) -> None:
        self.taken.add(statement)
        self._need(self._needs(statement))

    def _need(self, names: Iterable[tuple[str, int]]) -> None:
        """Take what gives some names, each needed by a block, and all that this needs in turn."""
        waiting = deque(names)
        while waiting:
            name, block = waiting.popleft()
            if name not in self.giver and (found := self._candidates(name, block)):
                self.giver[name] = found[0]
                if found[0] not in self.taken:
                    self.taken.add(found[0])
                    waiting += self._needs(found[0])

    def _needs(self, statement: Statement) -> list[tuple[str, int]]:
        """Return the names that a statement needs; of annotations that are text, those of definitions and imports."""
        plain = (one for one in self.all if one.is_definition or (one.is_import and not one.is_foreign))
        hints = statement.hints & frozenset[str]().union(*(one.binds for one in plain))
        return [(name, statement.block) for name in sorted(statement.uses | hints)]

    def _candidates(self, name: str, block: int) -> list[Statement]:
        """Return the statements that give a name, the best first."""
        given = [one for one in self.all if self._gives(one, name)]
        return sorted(given, key=lambda one: (self._lack(one, name), one.block != block, one.is_import, one.place))

    def _gives(self, statement: Statement, name: str) -> bool:
        if name in self.wanted:
            return name in statement.binds or statement.is_star
        if name in _BUILTINS:
            plain = statement.is_definition or statement.is_import
            return name in statement.binds and (plain or self._shadows(statement, name))
        return name in statement.binds or (statement.is_star and not statement.is_foreign)

    def _shadows(self, statement: Statement, name: str) -> bool:
        """Tell whether a value is meant by a builtin's name: it stands above all that use it, and they never call it.

        Elsewhere `list = [3, 1, 2]` is a demonstration's, and not what a function means.
        """
        users = [one for one in self.taken if name in one.uses and one.block == statement.block]
        return all(statement.place < one.place and not re.search(rf"\b{name}\s*\(", one.text) for one in users)

    def _lack(self, statement: Statement, name: str) -> int:
        """Return how little a statement gives a name: 0 if completely."""
        if statement.is_import:
            return 2 * statement.is_star + 2 * statement.is_foreign
        if statement.cut or statement.is_stub:
            return 1
        node = statement.node
        if isinstance(node, ast.AugAssign):  # it needs what it completes
            return 3
        is_value = isinstance(node, Assignment) and not isinstance(node.value, _CALLABLE)
        return int(looks.is_placeholder(node) or (name in self.wanted and (is_value or isinstance(node, _LOOPS))))

    def _home(self) -> int:
        """Return the number of the block whose answer counts, -1 if none gives all wanted names completely."""
        home, methods = -1, dict[str, set[str]]()
        for block in sorted({one.block for one in self.all}):
            best = {name: self._best_of(name, block) for name in self.wanted}
            if any(one is None or self._lack(one, name) for name, one in best.items()):
                continue
            found = {name: looks.methods(one.node) for name, one in best.items() if one}
            grown = all(methods[name] <= found[name] for name in methods) and methods != found
            if home < 0 or grown:
                home, methods = block, found
        return home

    def _best_of(self, name: str, block: int) -> Statement | None:
        return next((one for one in self._candidates(name, block) if one.block == block), None)

    def _belongs(self, statement: Statement) -> bool:
        """Tell whether a statement that gives nothing needed itself belongs to what is taken."""
        if looks.calls(statement.node) & SETTINGS:
            return True
        if statement.block not in {one.block for one in self.taken}:
            return False
        if statement.is_star:  # which of several gives a name is not known here
            return not statement.is_foreign and any(one.is_star for one in self.taken)
        if any(not self._may_rebind(name, statement) for name in statement.binds & self.giver.keys()):
            return False
        return (
            self._changes(statement)
            or self._is_registration(statement)
            or bool(statement.binds & self.giver.keys())
            or self._registers(statement)
            or self._is_looked_up(statement)
        )

    def _may_rebind(self, name: str, statement: Statement) -> bool:
        giver, node = self.giver[name], statement.node
        if giver.place > statement.place:
            return looks.is_placeholder(node) or (isinstance(node, Function) and is_overload(node))
        if statement.is_import:
            return giver.is_import and not any(
                one.is_definition and giver.place < one.place < statement.place for one in self.all
            )
        if isinstance(node, Compound | ast.AugAssign):
            return isinstance(giver.node, Assignment | Compound)
        return name in looks.loads(statement) - looks.called(statement)

    def _changes(self, statement: Statement) -> bool:
        """Tell whether it changes a needed value: an attribute, an item, a method called on it, a setting."""
        needed = self.giver.keys()
        modules = {name for one in self.taken if one.is_import for name in one.binds}
        if looks.calls(statement.node) & MODULE_SETTINGS and modules & statement.at_once:
            return True
        return any(
            name in needed and self._may_change(self.giver[name], node) for name, node in looks.changed(statement)
        )

    def _may_change(self, giver: Statement, node: ast.AST) -> bool:
        if giver.is_import:
            return False
        if giver.is_definition and isinstance(node, ast.Call):
            return isinstance(node.func, ast.Attribute) and node.func.attr == "register"
        return not giver.is_definition or isinstance(node, ast.Attribute)

    def _registers(self, statement: Statement) -> bool:
        """Tell whether a definition adds itself to something needed, by a decorator or by what it derives from."""
        node = statement.node
        if not isinstance(node, Function | ast.ClassDef):
            return False
        bases = {one.id for one in getattr(node, "bases", []) if isinstance(one, ast.Name)}
        if any(looks.collects_subclasses(self.giver[name]) for name in bases & self.giver.keys()):
            return True
        return any(self._is_registrar(one, statement) for one in node.decorator_list)

    def _is_registration(self, statement: Statement) -> bool:
        """Tell whether it registers something needed: `Number.register(Roman)`, `copyreg.pickle(Roman, …)`."""
        call = statement.node.value if isinstance(statement.node, ast.Expr) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            return False
        library = {name for one in self.all if one.is_import and not one.is_foreign for name in one.binds}
        told = {getattr(one, "id", None) for one in call.args} & self.giver.keys()
        return call.func.attr.startswith(_REGISTERS) and looks.root(call.func) in library and bool(told)

    def _is_registrar(self, decorator: ast.expr, statement: Statement) -> bool:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = looks.root(called)
        given = self._candidates(name, statement.block) if name else []
        if not name or not given or given[0].is_import:
            return False
        return name in self.giver if isinstance(called, ast.Attribute) else self._fills(given[0])

    def _fills(self, decorator: Statement) -> bool:
        """Tell whether a decorator that nothing needs by name works on a needed value."""
        values = {name for name, giver in self.giver.items() if isinstance(giver.node, Assignment)}
        return decorator.is_definition and bool(decorator.uses & values)

    def _is_looked_up(self, statement: Statement) -> bool:
        looking = {one.block for one in self.taken if one.uses & _LOOK_UPS or _OWN_MODULE in one.text}
        plain = statement.is_definition or (statement.is_import and not statement.is_foreign)
        return plain and not statement.is_future and statement.block in looking

    def _ordered(self) -> Iterator[Statement]:
        """Yield what is taken as it stands, but what a block needs at once from a later block before that."""
        done: set[Statement] = set()

        def before(statement: Statement) -> Iterator[Statement]:
            done.add(statement)
            for name in sorted(statement.at_once):
                giver = self.giver.get(name)
                if giver and giver.block > statement.block and giver not in done:
                    yield from before(giver)
            yield statement

        for statement in sorted(self.taken, key=lambda one: one.place):
            if statement not in done:
                yield from before(statement)
