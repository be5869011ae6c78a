"""Which code of an answer is run. Whole answers as models write them: odd_answers.yaml, in test_evalplus.py."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.sandbox.extract_code import NoSource, as_written, selected, wanted_names
from distill.sandbox.selection import EVERYTHING

WANTED = frozenset({"double"})
DOUBLE = "def double(number):\n    return 2 * number\n"
PIECES = ["```python\n", "```\n", "def double(x):\n", "    return x\n", "    pass\n", "class double:\n", "double = 1\n"]
PIECES += ["@double\n", "double.x = helper\n", "def helper(): return double\n", "from os import *\n", "x = (\n"]
PIECES += ["if x:\n    double = x\n", "for x in double: x += 1\n", "import sys; sys.setrecursionlimit(9)\n", "prose\n"]
PIECES += [
    "from __future__ import annotations\n",
    "del double\n",
    "class helper(double): pass\n",
    "eval(x)\n",
    "\f",
    "\r\n",
]


def answer(*blocks: str) -> str:
    return "Some prose.\n\n" + "\n\nMore prose.\n\n".join(f"```{block}```\n" for block in blocks)


def python(*codes: str) -> str:
    return answer(*(f"python\n{code}\n" for code in codes))


def test_one_block() -> None:
    assert selected(python(DOUBLE), WANTED) == DOUBLE
    assert as_written(answer(f"python\n{DOUBLE}")) == DOUBLE


def test_what_is_needed_comes_from_all_blocks_and_nothing_else() -> None:
    helper, unneeded = "FACTOR = 2\n", "import json\nLIMIT = int(input())\ndef half(x): return x / FACTOR\n"
    code, usage = "def double(number):\n    return FACTOR * number\n", "print(double(4))\n"
    text = answer(f"python\n{helper}{unneeded}", f"py\n{code}", f"python\n{usage}")
    assert selected(text, WANTED) == helper + code
    assert as_written(text) == f"{helper}{unneeded}\n\n{code}\n\n{usage}"


def test_needs_are_followed_through_bodies_defaults_decorators_annotations_and_bases() -> None:
    needed = [
        "from typing import Any as Kind",
        "import functools",
        "class Base: pass",
        "class Default(Base): pass",
        "ZERO = ONE = 0",
        "def inner(x): return x + ZERO",
        "def wrapped(f):\n    return functools.wraps(f)(lambda x: f(x))",
        "class Later: pass",
        "@wrapped\ndef double(x: Kind = Default(), y: 'list[Later]' = 0):\n    def f(): return inner(x)\n    f()",
    ]
    others = [
        "import os",
        "def outer(): return double",
        "TWO = 2",
        "x = input()",
        "f = open('x')",
        "class Other(Base): x",
    ]
    mixed = [line for pair in zip(others, needed, strict=False) for line in pair] + needed[len(others) :]
    assert selected(python("\n".join(mixed)), WANTED) == "\n".join(needed) + "\n"


def test_a_local_name_is_no_need() -> None:
    code = "def double(number):\n    result = 2 * number\n    return [item for item in [result]][0]"
    demonstration = "number = input()\nresult = double(4)\nitem = 1 / 0"
    assert selected(python(f"{code}\n{demonstration}"), WANTED) == f"{code}\n"


@pytest.mark.parametrize(
    "rest",
    [
        "double.calls = 0",
        "double = print(double) or double",
        "LIMIT.update({'a': 1})",
        "LIMIT += [1]",
        "LIMIT['a'] = 1",
        "del LIMIT['a']",
        "for x in range(3):\n    LIMIT.append(x)",
        "if True:\n    LIMIT = {}",
        "import sys\nsys.setrecursionlimit(9999)",
        "@double.register\ndef _(x: int): return 2 * x",
        "import random\nrandom.seed(1)",
    ],
)
def test_what_belongs_to_something_needed(rest: str) -> None:
    code = "import random\nLIMIT = {}\ndef double(number):\n    return LIMIT, random"
    assert selected(python(f"{code}\n{rest}"), WANTED) == f"{code}\n{rest.removeprefix('import random' + chr(10))}\n"


@pytest.mark.parametrize(
    "rest",
    [
        "double(LIMIT)",
        "double = double(3)",
        "double = 4",
        "number = LIMIT",
        "LIMIT = input()",
        "random.shuffle([1])",
        "LIMIT is random",
        "def test_it(): assert double(1) == 2",
        "for double in range(3): print(double)",
        "with open('x') as file: file.write(double)",
        "try:\n    double('x')\nexcept TypeError as error:\n    print(error)",
        "if __name__ == '__main__':\n    LIMIT['a'] = double(1)",
        "del double",
        "other.calls = 0",
        "@random.choice\ndef other(): return LIMIT",
        "double.register(int)(1)",
        "list = [1]",
    ],
)
def test_what_does_not(rest: str) -> None:
    code = "import random\nLIMIT = {}\ndef double(number):\n    return LIMIT, random, list"
    assert selected(python(f"{code}\n{rest}"), WANTED) == f"{code}\n"


BAD = "def double(number):\n    return number ** 2\n"


@pytest.mark.parametrize(
    "codes",
    [
        [DOUBLE, BAD],
        [f"{DOUBLE}\n{BAD}"],
        [DOUBLE, "def double(number):\n    pass\n"],
        [f"{DOUBLE}\ndef double(number): ..."],
        ["def double(number):\n    '''Say how.'''\n", DOUBLE, BAD],
        ["def double(number):\n    raise NotImplementedError\n", DOUBLE],
        ["def double(number):\n    x = 1\n    return (x", DOUBLE],
        ["from double import double\ndouble(1)", DOUBLE],
        ["from double import *\ndouble(1)", DOUBLE],
        ["double = 2 * 2", DOUBLE],
        ["for double in (1, 2): pass", DOUBLE],
        ["double = None", DOUBLE],
    ],
)
def test_the_first_complete_definition_counts(codes: list[str]) -> None:
    assert selected(python(*codes), WANTED) == DOUBLE


def test_the_home_block_gives_all_wanted_names_and_its_own_helpers() -> None:
    wanted = frozenset({"double", "half"})
    first = "def helper(): return 1\ndef double(n): return helper()\n"
    second = "def helper(): return 2\ndef double(n): return helper()\ndef half(n): return helper()\n"
    assert selected(python(first, second), wanted) == second
    assert selected(python(first, "def half(n): return helper()"), wanted) == f"{first}def half(n): return helper()\n"


def test_a_class_that_is_stated_again_with_more_methods() -> None:
    start = "class Stack:\n    def __init__(self): self.items = []\n    def push(self, item): pass\n"
    grown = "class Stack:\n    def __init__(self): self.items = []\n    def push(self, item): self.items += [item]\n"
    other = "class Stack:\n    def __init__(self): self.other = []\n    def pull(self): return self.other\n"
    assert selected(python(start, grown), frozenset({"Stack"})) == grown
    assert selected(python(grown, other), frozenset({"Stack"})) == grown


def test_a_later_block_goes_first_where_it_is_needed_at_once() -> None:
    code = "@twice\ndef double(number):\n    return other(number)\n"
    later = "def other(number): return number\n", "def twice(f): return lambda x: f(x) * 2\n"
    assert selected(python(code, *later), WANTED) == later[1] + code + later[0]


def test_future_imports_go_first() -> None:
    first, second = "FACTOR = 2\n", "from __future__ import annotations\ndef double(n: Absent): return n * FACTOR\n"
    whole = "from __future__ import annotations\nFACTOR = 2\ndef double(n: Absent): return n * FACTOR\n"
    assert selected(python(first, second), WANTED) == whole
    assert as_written(python(first, second)) == whole


def test_code_that_looks_names_up() -> None:
    code = "import math\ndef cube(x): return x ** 3\ndef double(text): return eval(text)\n"
    assert selected(python(f"{code}print(double('cube(2)'))"), WANTED) == code


@pytest.mark.parametrize("info", ["python:double.py", "{.python}", "python3.11", "py3", "python,linenos", ""])
def test_info_strings(info: str) -> None:
    assert selected(answer(f"{info}\n{DOUBLE}"), WANTED) == DOUBLE


@pytest.mark.parametrize("output", ["8", "Result: 8", "{'a': 1}", "Traceback (most recent)", "double"])
def test_untagged_output_is_no_code(output: str) -> None:
    text = answer("\nFACTOR = 2\n", f"\n{output}\n", "python\ndef double(number): return FACTOR * number\n")
    code = "FACTOR = 2\n{}def double(number): return FACTOR * number\n"
    assert selected(text, WANTED) == code.format("")
    assert as_written(text) == code.format("\n\n")


def test_an_import_is_code() -> None:
    code = "from math import gcd as double"
    assert [selected(text, WANTED) for text in (code, python(code))] == [f"{code}\n"] * 2


def test_tests_sessions_and_other_languages_are_not_the_code_as_written() -> None:
    imported = (
        "import pytest\nfrom double import double\ndef helper(): pass\ndef test_double(): assert double(1) == 2\n"
    )
    plain = "def test_double():\n    assert double(1) == 2\n"
    session = ">>> double(4)\n8\n"
    blocks = [f"python\n{code}" for code in (DOUBLE, imported, plain, session)]
    assert as_written(answer("bash\npip install x\n", *blocks, f"pycon\n{session}")) == DOUBLE
    both = f"import pytest\n\n{DOUBLE}\n\n{plain}"
    assert as_written(answer(f"python\n{both}")) == both


def test_code_that_is_cut_off_is_not_right_as_written() -> None:
    text = f"```python\n{DOUBLE}\nprint(double("
    assert selected(text, WANTED) == DOUBLE
    assert as_written(text) == NoSource("syntax", "line 4: '(' was never closed")


@pytest.mark.parametrize("text", [DOUBLE, f"Here it is:\n\n{DOUBLE}\nIt doubles.\n", DOUBLE.replace("\n", "\r\n")])
def test_an_answer_without_a_fence(text: str) -> None:
    assert selected(text, WANTED) == DOUBLE


def test_a_name_that_the_answer_does_not_give_is_missing() -> None:
    assert selected(python("def triple(n): return 3 * n"), WANTED) == ""
    assert selected(python(DOUBLE), WANTED | {"triple"}) == DOUBLE


@pytest.mark.parametrize(
    ("text", "outcome", "detail"),
    [
        ("", "no_code", "the answer has no Python code block"),
        ("Just double it.", "no_code", "the answer has no Python code block"),
        ("double", "no_code", "the answer has no Python code block"),
        (answer("sql\nSELECT 1;\n"), "no_code", "the answer has no Python code block"),
        (answer("java\nimport java.util.List;\n"), "no_code", "the answer has no Python code block"),
        (answer("\nnot python at all\n"), "no_code", "the answer has no Python code block"),
        (answer("python\n\n"), "no_code", "the answer has no Python code block"),
        (answer("python\n>>> double(1)\n2\n"), "no_code", "the answer has no Python code block"),
        (answer("python\ndef test_it():\n    pass\n"), "no_code", "the answer's code blocks hold only tests"),
        (answer("python\ndef double(number):\nreturn\n"), "syntax", "line 2: expected an indented block after"),
        (answer("python\nreturn 1\n"), "syntax", "line 1: 'return' outside function"),
        ("```python\ndef double(number):\n    return (2 *", "syntax", "line 2: '(' was never closed"),
        ("```python\ndef double(number):\n    x = number\n    return (2 *", "syntax", "line 3: '(' was never closed"),
    ],
)
def test_nothing_to_run(text: str, outcome: str, detail: str) -> None:
    for found in (selected(text, WANTED), as_written(text)):
        assert isinstance(found, NoSource)
        assert found.outcome == outcome
        assert found.detail.startswith(detail)


def test_names() -> None:
    check = "import pytest\nfrom solution import double, Half\n\n\ndef test_it():\n    from solution import late\n"
    assert wanted_names(check) == {"double", "Half", "late"}
    assert wanted_names("import solution\n\n\ndef test_it():\n    assert solution.double(1) == 2\n") == {"double"}
    assert wanted_names("import solution as s\ns.double(getattr(s, 'x'))") == {"double", EVERYTHING}
    assert wanted_names("from solution import *") == wanted_names("import_module('solution')") == {EVERYTHING}
    assert wanted_names("import solution\nsolution.__name__, vars(solution)") == {EVERYTHING}
    assert wanted_names("monkeypatch.setattr('solution.clock', None)") == {"clock"}


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_nothing_that_a_model_can_write_raises(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for found in (selected(text, WANTED), as_written(text)):
            assert isinstance(found, NoSource) or compile(found, "solution.py", "exec", dont_inherit=True)
