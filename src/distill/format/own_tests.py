"""Whether an answer does what it claims itself: its code runs, and its own doctests and tests pass.

In: an answer in Markdown. Out: a verdict, as of a check (`checks.Check`). All its Python blocks count, but sessions
(`>>>`), which claim what an interpreter shows, and are run as doctests. A first line `# name.py` names the module that
a block begins; other blocks go on in the one before, at first `solution`. Blocks of nothing but tests are run behind
the others of their module. An answer imports itself by whatever name it likes: a name that is no module of the library,
and of which it takes only what it defines.

Nothing is refused by name, as it is where a hidden check decides: the sandbox keeps the machine safe, and there is no
verdict but the answer's own to change.
"""

import ast
import functools
import json
import re
import sys
from collections.abc import Iterator, Sequence
from threading import Event

from distill.sandbox import programs
from distill.sandbox.conversation import Over, Sandbox, Verdict, ran
from distill.sandbox.extract_code import only_tests
from distill.sandbox.kinds.python import PYTEST
from distill.sandbox.programs import Program
from distill.sandbox.statements import split
from distill.shared.code_blocks import PYTHON, blocks, is_session, parsed

_INSIDE = (
    "distill.sandbox.inside.impostor",
    "distill.sandbox.inside.seal",
    "distill.sandbox.inside.failures",
    "distill.sandbox.inside.runner",
    "distill.format.own_tests_inside",
)
"""In the order of their imports."""
_NAMED = re.compile(r"#\s*(?:file(?:name)?:\s*)?(?:[\w.-]+/)*(\w+)\.py\s*(?:\n|$)", re.IGNORECASE)
_FOR_TESTS = frozenset({"_pytest", "hypothesis", "pytest"})


class OwnTests:
    """The claims of an answer, as a check of it."""

    def prepare(self, answer: str, whole: bool = True) -> str | Verdict:
        """Return the job for the sandbox; see `checks.Check`."""
        found = [block for block in blocks(answer) if block.code.strip()]
        sessions = [block.code for block in found if is_session(block.code)]
        parts = laid_out([b.code for b in found if b.language in PYTHON and not is_session(b.code)])
        if not parts and not sessions:
            return Verdict.of("no_code", "the answer has no Python code block")
        for _, code in parts:
            try:
                parsed(code)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                return Verdict.of("syntax", str(getattr(error, "msg", None) or error))
        return json.dumps({"parts": parts, "sessions": sessions, "others": dict(own_imports(parts))})

    def judge(self, prepared: str, sandbox: Sandbox, stop: Event) -> Verdict:
        """Run it; see `checks.Check`."""
        try:
            ended = ran(sandbox, program(), json.loads(prepared), stop)
        except Over as over:
            return over.verdict
        try:
            outcome, detail = json.loads(ended.output)
        except ValueError:
            return Verdict.of("exception", "the program ended before it reported")
        return Verdict.of(outcome, detail)


@functools.cache
def program() -> Program:
    """Return the program that runs an answer's own code and tests."""
    return programs.made(*_INSIDE, packages=PYTEST)


def laid_out(codes: Sequence[str]) -> list[tuple[str, str]]:
    """Return the module of each block and its code, which ends its last line, in the order to run them."""
    module, parts = "solution", []
    for code in codes:
        module = named[1] if (named := _NAMED.match(code)) else module
        parts.append((module, code if code.endswith("\n") else f"{code}\n"))
    return sorted(parts, key=lambda part: only_tests(split(part[1])[0]))


def own_imports(parts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the names by which an answer imports its own modules, but theirs, and the module that is meant."""
    given: dict[str, set[str]] = {}
    for module, code in parts:
        names = [one.binds for one in split(code)[0] if not one.is_foreign]
        given.setdefault(module, set()).update(*names)
    for imported, wanted in (pair for _, code in parts for pair in _imports(parsed(code))):
        root = imported.partition(".")[0]
        if root in sys.stdlib_module_names or root in _FOR_TESTS or imported in given:
            continue
        meant = next((module for module, names in given.items() if wanted and wanted - {"*"} <= names), None)
        if meant:
            path = imported.split(".")
            yield from ((".".join(path[: end + 1]), meant) for end in range(len(path)))


def _imports(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Yield each module that is imported, and what is taken of it."""
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                used = {one.attr for one in nodes if isinstance(one, ast.Attribute)
                        and ast.unparse(one.value) == (alias.asname or alias.name)}  # fmt: skip
                yield alias.name, used
