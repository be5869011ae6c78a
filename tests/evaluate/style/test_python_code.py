"""distill.evaluate.style.python_code: what ast and tokenize find in code, counted by hand."""

import ast
import textwrap

import pytest

from distill.evaluate.style.python_code import (
    code_features,
    comment_rate,
    definitions,
    exceptions,
    has_guard,
    is_python,
    is_typed,
    parse,
)
from distill.shared.code_blocks import Block

NOTHING = dict.fromkeys(
    [
        *("parsed", "typed", "documented", "args_section", "returns_section", "raises_section", "doctested"),
        *("validated", "exceptions", "tests", "comments"),
    ],
    0.0,
)
EXAMPLE = '''\
# shop.py
"""A shop."""

class ShopError(ValueError):
    """Something is wrong with the shop."""

class SoldOut(ShopError):
    pass

def price(item: str, *, rebate: float = 0.0) -> float:
    """Price of an item.

    Args:
        item: Its name.

    Returns:
        The price.

    Raises:
        ShopError: No such item.

    >>> price("tea")
    3.0
    """
    if not item:
        raise ShopError(item)  # there is nothing without a name
    return 3.0 - rebate

def _helper(x):
    """Help.

    Returns: not a section of its own line, see above.
    """
    def inner(): return x
    return inner

async def sell(item: str, count):
    raise SoldOut(item)

def test_price() -> None:
    assert price("tea") == 3.0
'''


def python(code: str) -> Block:
    return Block("python", textwrap.dedent(code), True)


def test_an_example_by_hand() -> None:
    assert code_features([Block("python", EXAMPLE, True)]) == {
        "parsed": 1,
        "typed": 2 / 5,  # price and test_price; not _helper, inner, sell
        "documented": 2 / 4,  # public: ShopError and price with, SoldOut and sell without
        "args_section": 1 / 2,  # functions with a docstring: price, _helper
        "returns_section": 1 / 2,
        "raises_section": 1 / 2,
        "doctested": 1 / 3,  # price; not ShopError, _helper
        "validated": 1 / 4,  # price; not _helper, inner, sell, and test_price is left out
        "exceptions": 2,
        "tests": 1,
        "comments": 2 / 34,  # 41 lines, less `# shop.py` and the 6 empty ones outside docstrings
    }


def test_no_code_has_no_features() -> None:
    assert code_features([]) == NOTHING
    assert code_features([Block("sql", "SELECT 1;", True), python(">>> 1 + 1\n2")]) == NOTHING


def test_blocks_that_do_not_parse_count_where_they_can() -> None:
    found = code_features([python("def f() -> int: return 1"), python("def g(:  # oops\n")])
    assert found == NOTHING | {"parsed": 1 / 2, "typed": 1, "comments": 1 / 2}


@pytest.mark.parametrize(
    ("language", "code", "is_one"),
    [
        ("python", "x", True),
        ("python", "((", True),
        ("", "import os", True),
        ("", "def f(): pass", True),
        ("", "x = 1", False),
        ("", "just words", False),
        ("sql", "import os", False),
        ("python", "\n>>> f()\n1", False),
    ],
)
def test_which_blocks_are_python(language: str, code: str, is_one: bool) -> None:
    assert is_python(Block(language, code, True)) is is_one


def only(code: str) -> ast.stmt:
    return ast.parse(textwrap.dedent(code)).body[0]


@pytest.mark.parametrize(
    ("code", "typed"),
    [
        ("def f() -> None: ...", True),
        ("def f(): ...", False),
        ("def f(a: int, /, b: int, *c: int, d: int, **e: int) -> int: ...", True),
        ("def f(a, /, b: int) -> int: ...", False),
        ("def f(*a) -> int: ...", False),
        ("def f(*, a) -> int: ...", False),
        ("def f(**a) -> int: ...", False),
        ("def f(self) -> int: ...", False),
        ("class C:\n def f(self, a: int) -> int: ...", True),
        ("class C:\n def f(self, a) -> int: ...", False),
        ("class C:\n def f(this, /, a: int) -> int: ...", True),
        ("class C:\n @classmethod\n def f(cls) -> int: ...", True),
        ("class C:\n @staticmethod\n def f(a) -> int: ...", False),
        ("class C:\n @staticmethod\n def f(a: int) -> int: ...", True),
        ("class C:\n if True:\n  def f(self) -> int: ...", True),
        ("class C:\n def __init__(self): ...", False),
        ("async def f(a: int) -> int: ...", True),
        ("class C: ...", False),
    ],
)
def test_typed(code: str, typed: bool) -> None:
    *_, last = definitions(ast.parse(code))
    assert is_typed(last) is typed


def test_public_names() -> None:
    code = """
    class Open:
        def shown(self): ...
        def __init__(self): ...
        def _hidden(self): ...
        class Inner:
            def shown_too(self): ...
    class _Closed:
        def hidden(self): ...
    def outer():
        def inner(): ...
        class Local:
            def method(self): ...
    if True:
        def conditional(): ...
    class TestOpen:
        def setup(self): ...
        def test_it(self): ...
    def test_more(): ...
    """
    found = definitions(ast.parse(textwrap.dedent(code)))
    assert {one.node.name for one in found if one.public} == {
        *("Open", "shown", "Inner", "shown_too", "outer", "conditional"),
    }


@pytest.mark.parametrize(
    ("body", "guarded"),
    [
        ("if x: raise ValueError", True),
        ("if x: pass\nelse: raise ValueError", True),
        ("if x: pass\nelif y: raise ValueError", True),
        ("for i in x:\n  if i:\n    raise ValueError", True),
        ("if x:\n  for i in x:\n    raise ValueError", True),
        ("match x:\n  case 1: raise ValueError", True),
        ("raise ValueError", False),
        ("try: f()\nexcept E: raise ValueError", False),
        ("assert x", False),
        ("if x: return 1", False),
        ("if x:\n  def g(): raise ValueError", False),
        ("def g():\n  if x: raise ValueError", False),
        ("class C:\n  if x: raise ValueError", False),
    ],
)
def test_guard(body: str, guarded: bool) -> None:
    assert has_guard(only("def f(x, y):\n" + textwrap.indent(body, " "))) is guarded


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("class A(Exception): ...", {"A"}),
        ("class A(KeyError, dict): ...", {"A"}),
        ("class A(lib.CustomError): ...", {"A"}),
        ("class A(Exception): ...\nclass B(A): ...\nclass C(B): ...", {"A", "B", "C"}),
        ("class A(dict): ...\nclass B: ...\nclass MyError: ...\nclass D(f()): ...", set()),
    ],
)
def test_custom_exceptions(code: str, names: set[str]) -> None:
    assert exceptions(definitions(ast.parse(code))) == names


@pytest.mark.parametrize(
    ("codes", "rate"),
    [
        ([], 0),
        (["# nothing but this"], 0),
        (["x = 1\n# one\ny = 2  # two\n"], 2 / 2),
        (["x = '# none'\n"], 0),
        (["f(\n    1,  # one\n    2,\n)\n"], 1 / 4),
        (['"""doc\n\n# none\n"""\n'], 0),
        (["x = 1  # a", "y = 2"], 1 / 2),
        (["x = (  # never closed\n"], 1 / 1),
        (["print 'old'  # python 2\n"], 1 / 1),
    ],
)
def test_comments_for_each_line_of_code(codes: list[str], rate: float) -> None:
    assert comment_rate(codes) == pytest.approx(rate)


def doc(*lines: str) -> Block:
    body = textwrap.indent("\n".join(lines), "    ").lstrip()
    return Block("python", f'def f():\n    r"""{body}\n    """\n', True)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["Do.", "", "Args:", "    x: An x."], {"args_section"}),
        (["Do.", "", "Yields:", "    An x.", "", "Raises:", "    E: Never."], {"returns_section", "raises_section"}),
        (["Do.", "", "    Args:", "More."], set()),  # indented: not a section
        (["Args: x", "Returns: y"], set()),
        ([":param x: Sphinx.", ":returns: Sphinx."], set()),
        (["Do.", "", ">>> f()"], {"doctested"}),
        (["Do >>> this."], set()),
        (["Do.", "", ">>> f()", "  wrongly", "indented", "", ">>>f()"], set()),  # doctest itself refuses this
    ],
)
def test_docstring_sections_and_doctests(lines: list[str], found: set[str]) -> None:
    values = code_features([doc(*lines)])
    assert {name for name in values if name.endswith("_section") or name == "doctested" if values[name]} == found


@pytest.mark.parametrize(
    "code",
    [
        *("print 'x'", "def f(:", "'\0'", "x = '\ud800'", "(" * 5000, "(" * 250 + ")" * 250, "-" * 5000 + "1"),
        *("a" + ".b" * 5000, "1" + "+1" * 9000, "lambda:" * 3000 + "0", "9" * 5000, "f'{" * 100, "\tx\n  y", "\\"),
        "".join(" " * depth + "if a:\n" for depth in range(200)),
        "if a:\n pass\n" + "elif a:\n pass\n" * 3000,
    ],
)
def test_code_that_python_cannot_read_is_no_error(code: str) -> None:
    assert parse(code) is None
    assert code_features([Block("python", code, True)])["parsed"] == 0


def test_code_that_would_warn_is_silent() -> None:
    assert parse(r"x = '\d' is 'a'") is not None


def test_deep_but_legal_nesting() -> None:
    code = "".join(" " * depth + f"def f{depth}(a: int) -> int:\n" for depth in range(90)) + " " * 90 + "return 1\n"
    assert code_features([python(code)])["typed"] == 1
