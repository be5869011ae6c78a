"""distill.sandbox.statements: code is taken apart without loss, and read as far as it compiles."""

import ast
import sysconfig
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.sandbox.statements import split

LIBRARY = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[::5]
F = "def f():\n    return 1\n"
PIECES = ["def f(x):", "\n", "    return x", "class A:", "    pass", "@d", "x = (", ")", '"""', "é", ";", "import os"]
PIECES += ["\f", "\r\n", "\x00", "print(1)", "from __future__ import annotations", "await x", "\ufeff", "\\"]


def texts(code: str) -> list[str]:
    return [one.text for one in split(code)[0]]


def test_the_standard_library_comes_apart_without_loss() -> None:
    assert len(LIBRARY) > 30
    for path in LIBRARY:
        code = path.read_text(encoding="utf-8", errors="replace")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, error = split(code)
            again = ast.parse("\n".join(one.text for one in found))
            assert ast.dump(again) == ast.dump(ast.parse(code)), path
        assert error is None


def test_texts() -> None:
    assert texts("a = 'é'; b = a  # c\n\n@d\n@(\n e)\ndef f(): pass\n\f\nclass A: x = 1; y = 2\n") == [
        "a = 'é'",
        "b = a",
        "@d\n@(\n e)\ndef f(): pass",
        "class A: x = 1; y = 2",
    ]
    assert texts("def f():\r\n    x = 1\r\n    return x\r\n") == ["def f():\n    x = 1\n    return x"]


@pytest.mark.parametrize(
    ("code", "found", "error"),
    [
        ("", [], None),
        (F, [F.strip()], None),
        (f"{F}print(f(", [F.strip()], "line 3: '(' was never closed"),
        (f"{F}print('", [F.strip()], "line 3: unterminated string literal (detected at line 3)"),
        (f"{F}x = '''\n\n", [F.strip()], "line 3: unterminated triple-quoted string literal (detected at line 4)"),
        (f"{F}for x in y:\n", [F.strip()], "line 3: expected an indented block after 'for' statement on line 3"),
        (f"{F}\nThat is all.\n", [F.strip()], "line 4: invalid syntax"),
        (f"{F}\nreturn 2\n", [F.strip()], "line 4: 'return' outside function"),
        (f"{F}\nawait f()\n", [F.strip()], "line 4: 'await' outside function"),
        (f"Here it is:\n\n{F}\nDone now.\n", [F.strip()], "line 1: invalid syntax"),
        (f"from here on:\n{F}", [F.strip()], "line 1: invalid syntax"),
        (f"%timeit x\n!pip install y\nimport os\n{F}", ["import os", F.strip()], "line 1: invalid syntax"),
        ("Nothing here.", [], "line 1: invalid syntax"),
        ("def f(:\n    pass\n", [], "line 1: invalid syntax"),
        ("x = '\ud800'", [], "UnicodeEncodeError"),
    ],
)
def test_as_far_as_it_compiles(code: str, found: list[str], error: str | None) -> None:
    assert (texts(code), split(code)[1]) == (found, error)


def test_whether_code_broke_off_inside_a_definition() -> None:
    assert [one.cut for one in split(f"{F}def g():\n    x = 1\n    return (x\n")[0]] == [False, True]
    assert [one.cut for one in split(f"{F}\nprint(f(")[0]] == [False]


def test_names() -> None:
    code = "@d\ndef f(a: T = b) -> 'Node':\n    global g\n    g = a + c(local := 1)\n    return [x for x in local]\n"
    (one,) = split(code)[0]
    assert (one.binds, one.at_once) == ({"f"}, {"d", "T", "b"})
    assert (one.uses, one.hints) == ({"d", "T", "b", "g", "c"}, {"Node"})
    (one,) = split("class A(B):\n    x = y\n    def f(self): return z\n")[0]
    assert (one.binds, one.at_once, one.uses) == ({"A"}, {"B", "y"}, {"B", "y", "z"})
    found = split("import os.path as p, sys\na, (b, *c) = d\ndel e\nwith f as g: h = 1")[0]
    assert [sorted(one.binds) for one in found] == [["p", "sys"], ["a", "b", "c"], [], ["g", "h"]]


@pytest.mark.parametrize(
    ("code", "stub"),
    [
        ("def f(): ...", True),
        ("def f():\n    '''Doc.'''", True),
        ("def f():\n    '''Doc.'''\n    raise NotImplementedError('later')", True),
        ("def f(): return None", True),
        ("def f(): return 0", False),
        ("@overload\ndef f(): return 0", True),
        ("@singledispatch\ndef f(): raise NotImplementedError", False),
        ("class A: pass", True),
        ("class A:\n    def f(self): pass", True),
        ("class A:\n    x: int", False),
        ("class A(Exception): pass", False),
        ("x = 1", False),
    ],
)
def test_stubs(code: str, stub: bool) -> None:
    assert [one.is_stub for one in split(code)[0]] == [stub]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_nothing_that_a_model_can_write_raises(code: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in split(code)[0]:
            assert len(ast.parse(one.text).body) == 1


@pytest.mark.parametrize("depth", [90, 900, 9000])
def test_nesting_however_deep(depth: int) -> None:
    for code in (
        "(" * depth + ")" * depth,
        "x = " + "1+" * depth + "1",
        "x = " + "not " * depth + "1",
        "-" * depth + "1",
    ):
        split(code)
