"""The style of Python code: type hints, docstrings and their sections, doctests, guards, exceptions, tests, comments.

Code is parsed, never run. Blocks that do not parse count in `parsed` and `comments` alone.
"""

import ast
import builtins
import doctest
import io
import tokenize
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from distill.evaluate.style import markdown
from distill.evaluate.style.features import amount, share
from distill.shared.code_blocks import PYTHON, Block, blocks

FEATURES = {
    "parsed": share("Code that parses", "Python blocks that parse"),
    "typed": share("Fully type-hinted functions", "functions whose parameters and result all have type hints"),
    "documented": share("Docstrings", "public functions and classes with a docstring"),
    "args_section": share("Docstrings with Args", "docstrings of functions with an `Args:` section"),
    "returns_section": share("Docstrings with Returns", "the same with a `Returns:` or `Yields:` section"),
    "raises_section": share("Docstrings with Raises", "the same with a `Raises:` section"),
    "doctested": share("Docstrings with doctests", "docstrings with a doctest"),
    "validated": share("Functions that validate input", "functions, tests aside, that raise in an `if` or `match`"),
    "code_share": markdown.FEATURES["code_share"],
    "lead_in": markdown.FEATURES["lead_in"],
    "notes": markdown.FEATURES["notes"],
    "words": markdown.FEATURES["words"],
    "comments": amount("Comments a line of code", "comments for each line of code"),
    "tests": amount("Test functions", "test functions"),
    "exceptions": amount("Own exception classes", "exception classes defined"),
    "headings": markdown.FEATURES["headings"],
    "bullets": markdown.FEATURES["bullets"],
    "numbered": markdown.FEATURES["numbered"],
    "bold": markdown.FEATURES["bold"],
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
SECTIONS = {
    "args_section": frozenset({"Args:", "Arguments:"}),
    "returns_section": frozenset({"Returns:", "Yields:"}),
    "raises_section": frozenset({"Raises:"}),
}
LAYOUT = frozenset({tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})
EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)


@dataclass(frozen=True)
class Definition:
    """A function or class, what it is defined in (None: the module), and whether a user of the module sees it."""

    node: Function | ast.ClassDef
    owner: Function | ast.ClassDef | None
    public: bool

    @property
    def docstring(self) -> str:
        """The docstring without its indentation; '' if there is none."""
        return ast.get_docstring(self.node) or ""


def measure(answer: str) -> dict[str, float]:
    """Return the features of an answer."""
    return code_features(blocks(answer)) | markdown.measure(answer)


def code_features(fenced: Iterable[Block]) -> dict[str, float]:
    """Return the features of an answer's fenced blocks."""
    codes = [block.code for block in fenced if is_python(block)]
    trees = [tree for code in codes if (tree := parse(code))]
    found = [definition for tree in trees for definition in definitions(tree)]
    functions = [one for one in found if isinstance(one.node, Function)]
    return {
        "parsed": len(trees) / len(codes) if codes else 0.0,
        "typed": _share(is_typed(one) for one in functions),
        **_docstring_features(found),
        "validated": _share(has_guard(one.node) for one in functions if not is_test(one.node)),
        "exceptions": float(len(exceptions(found))),
        "tests": float(sum(is_test(one.node) for one in functions)),
        "comments": comment_rate(codes),
    }


def is_python(block: Block) -> bool:
    """Tell whether a block is a Python program: it says so, or says nothing and defines or imports something.

    An interactive session (`>>>`) is none.
    """
    if block.code.lstrip().startswith(">>>"):
        return False
    if block.language:
        return block.language in PYTHON
    tree = parse(block.code)
    return tree is not None and any(
        isinstance(node, Function | ast.ClassDef | ast.Import | ast.ImportFrom) for node in ast.walk(tree)
    )


def parse(code: str) -> ast.Module | None:
    """Return the syntax tree, or None if the code does not parse, for whatever reason."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is the model's affair, not a warning about this program
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def definitions(tree: ast.Module) -> Iterator[Definition]:
    """Yield every function and class, outer before inner.

    Public is what neither it nor a class around it names with a leading underscore, what does not stand in a function,
    and what is no test. The walk keeps its own queue: no nesting that parses is too deep for it.
    """
    queue: deque[tuple[ast.AST, Definition | None]] = deque([(tree, None)])
    while queue:
        node, owner = queue.popleft()
        for child in ast.iter_child_nodes(node):
            inside = owner
            if isinstance(child, Function | ast.ClassDef):
                shown = owner is None or (owner.public and isinstance(owner.node, ast.ClassDef))
                public = shown and not child.name.startswith("_") and not is_test(child)
                inside = Definition(child, owner.node if owner else None, public)
                yield inside
            queue.append((child, inside))


def is_test(node: Function | ast.ClassDef) -> bool:
    """Tell whether pytest would collect it by its name."""
    return node.name.startswith("Test" if isinstance(node, ast.ClassDef) else "test")


def is_typed(definition: Definition) -> bool:
    """Tell whether the result and every parameter of a function have annotations, the first of a method excepted."""
    node = definition.node
    if not isinstance(node, Function):
        return False
    positional = [*node.args.posonlyargs, *node.args.args]
    static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in node.decorator_list)
    if isinstance(definition.owner, ast.ClassDef) and not static:
        positional = positional[1:]
    rest = [one for one in (node.args.vararg, node.args.kwarg) if one]
    return node.returns is not None and all(one.annotation for one in [*positional, *node.args.kwonlyargs, *rest])


def has_guard(node: ast.AST) -> bool:
    """Tell whether a function raises in a branch of an `if` or `match` of its own."""
    stack = [(child, False) for child in getattr(node, "body", [])]
    while stack:
        child, branch = stack.pop()
        if isinstance(child, ast.Raise) and branch:
            return True
        if not isinstance(child, Function | ast.ClassDef):
            inside = branch or isinstance(child, ast.If | ast.match_case)
            stack += [(grandchild, inside) for grandchild in ast.iter_child_nodes(child)]
    return False


def exceptions(found: Iterable[Definition]) -> set[str]:
    """Return the names of the classes that are exceptions, by the names of their bases."""
    names: set[str] = set()
    for one in found:
        for base in one.node.bases if isinstance(one.node, ast.ClassDef) else ():
            name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
            if name in EXCEPTIONS or name in names or name.endswith(("Error", "Exception")):
                names.add(one.node.name)
    return names


def comment_rate(codes: Sequence[str]) -> float:
    """Return the number of comments for each line that holds code (docstrings are code)."""
    comments, lines = 0, 0
    for code in codes:
        rows: set[int] = set()
        for token in _tokens(code):
            if token.type == tokenize.COMMENT:
                comments += 1
            elif token.type not in LAYOUT:
                rows.update(range(token.start[0], token.end[0] + 1))
        lines += len(rows)
    return comments / lines if lines else 0.0


def _docstring_features(found: Sequence[Definition]) -> dict[str, float]:
    of_functions = [one.docstring for one in found if isinstance(one.node, Function) and one.docstring]
    everywhere = [one.docstring for one in found if one.docstring]
    sections = {
        name: _share(any(line.rstrip() in titles for line in text.splitlines()) for text in of_functions)
        for name, titles in SECTIONS.items()
    }
    documented = _share(bool(one.docstring) for one in found if one.public)
    return {"documented": documented, **sections, "doctested": _share(map(_has_doctest, everywhere))}


def _has_doctest(docstring: str) -> bool:
    try:
        return bool(doctest.DocTestParser().get_examples(docstring))
    except ValueError:  # examples that doctest itself cannot read
        return False


def _tokens(code: str) -> Iterator[tokenize.TokenInfo]:
    """Yield the tokens of code up to the first place that is none."""
    try:
        yield from tokenize.generate_tokens(io.StringIO(code).readline)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 0.0
