"""Which code of an answer is run."""

import ast

import pytest

from distill.extraction import NoSource, defined, sources, wanted_names

WANTED = frozenset({"double"})
DOUBLE = "def double(number):\n    return 2 * number\n"


def answer(*blocks: str) -> str:
    return "Some prose.\n\n" + "\n\nMore prose.\n\n".join(f"```{block}```\n" for block in blocks)


def test_one_block() -> None:
    assert sources(answer(f"python\n{DOUBLE}"), WANTED) == [DOUBLE]


def test_blocks_are_joined_in_order_and_the_defining_one_is_the_second_try() -> None:
    helper, usage = "FACTOR = 2\n", "print(double(4))\n"
    assert sources(answer(f"python\n{helper}", f"py\n{DOUBLE}", f"\n{usage}"), WANTED) == [
        f"{helper}\n\n{DOUBLE}\n\n{usage}",
        DOUBLE,
    ]


def test_tests_sessions_and_other_languages_are_left_out() -> None:
    tests = "import pytest\nfrom double import double\n\n\ndef test_double():\n    assert double(1) == 2\n"
    plain = "def test_double():\n    assert double(1) == 2\n"
    session = ">>> double(4)\n8\n"
    blocks = [f"python\n{code}" for code in (DOUBLE, tests, plain, session)]
    assert sources(answer("bash\npip install x\n", *blocks), WANTED) == [DOUBLE]


def test_a_block_with_tests_beside_the_code_is_kept() -> None:
    both = f"import pytest\n\n{DOUBLE}\n\ndef test_double():\n    assert double(1) == 2\n"
    assert sources(answer(f"python\n{both}"), WANTED) == [both]


def test_a_block_that_does_not_compile_is_left_out() -> None:
    assert sources(answer("python\ndef double(:\n", f"python\n{DOUBLE}"), WANTED) == [DOUBLE]


def test_an_answer_that_is_nothing_but_code() -> None:
    assert sources(DOUBLE, WANTED) == [DOUBLE]


@pytest.mark.parametrize(
    ("text", "outcome", "detail"),
    [
        ("", "no_code", "the answer has no Python code block"),
        ("Just double it.", "no_code", "the answer has no Python code block"),
        ("double", "no_code", "the answer has no Python code block"),
        (answer("sql\nSELECT 1;\n"), "no_code", "the answer has no Python code block"),
        (answer("\nnot python at all\n"), "no_code", "the answer has no Python code block"),
        (answer("python\n\n"), "no_code", "the answer has no Python code block"),
        (answer("python\ndef test_it():\n    pass\n"), "no_code", "the answer's code blocks hold only tests"),
        (answer("python\ndef double(number):\nreturn\n"), "syntax", "line 2: expected an indented block after"),
        (answer("python\nreturn 1\n"), "syntax", "line 1: 'return' outside function"),
        ("```python\ndef double(number):\n    return (2 *", "syntax", "line 2: '(' was never closed"),
    ],
)
def test_nothing_to_run(text: str, outcome: str, detail: str) -> None:
    found = sources(text, WANTED)
    assert isinstance(found, NoSource)
    assert found.outcome == outcome
    assert found.detail.startswith(detail)


def test_names() -> None:
    check = "import pytest\nfrom solution import double, Half\n\n\ndef test_it():\n    from solution import late\n"
    assert wanted_names(check) == {"double", "Half", "late"}
    assert wanted_names("import solution\n\n\ndef test_it():\n    assert solution.double(1) == 2\n") == {"double"}
    tree = ast.parse("import math\na = b, c = 1, 2\nd: int = 3\nclass E: f = 4\ndef g(): h = 5\n")
    assert defined(tree) == {"a", "b", "c", "d", "E", "g"}
