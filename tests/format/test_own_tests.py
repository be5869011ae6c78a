"""Whether an answer does what it claims: right ones pass in many shapes, each kind of wrong one is found."""

import json

import pytest

from distill.format.own_tests import OwnTests, laid_out, own_imports
from distill.sandbox import run_checks
from distill.sandbox.run_checks import SANDBOXES, SandboxParams, Verdict, judge
from sandboxes import LIMITS, needs

PARAMS = SandboxParams.model_validate(LIMITS)
DOUBLE = 'def double(n):\n    """Twice as much.\n\n    >>> double(2)\n    4\n    """\n    return 2 * n\n'
WRONG = DOUBLE.replace("2 * n", "n * n * n")
HALF = (
    'class TooOdd(ValueError):\n    pass\n\n\ndef half(n):\n    """Half of it.\n\n    >>> half(3)\n'
    '    Traceback (most recent call last):\n    {}TooOdd: 3\n    """\n    if n % 2:\n        raise TooOdd(n)\n'
)
TESTS = (
    "import pytest\nfrom {} import double\n\n\n@pytest.fixture\ndef seven():\n    return 7\n\n\n"
    "@pytest.mark.parametrize('n', [1, 2])\ndef test_double(n, seven, capsys):\n    print(double(n))\n"
    "    assert capsys.readouterr().out == f'{{2 * n}}\\n'\n    assert double(seven) == 14\n"
)
PLAIN = "def double(n):\n    return 2 * n\n"


def answer(*blocks: str) -> str:
    return "Text.\n\n" + "\n".join(f"```python\n{block}\n```\n\nText.\n" for block in blocks)


RIGHT = {
    "a doctest": answer(DOUBLE),
    "tests behind it": answer(PLAIN, TESTS.format("solution")),
    "tests that import it by another name": answer(PLAIN, TESTS.format("my_package.doubling")),
    "tests in front of it": answer(TESTS.format("doubling"), PLAIN),
    "tests by an alias": answer(PLAIN, "import doubling as d\n\ndef test_it():\n    assert d.double(2) == 4\n"),
    "tests by a star": answer(PLAIN, "from doubling import *\n\ndef test_it():\n    assert double(2) == 4\n"),
    "tests of a class": answer(PLAIN, "import unittest\n\n\nclass TestIt(unittest.TestCase):\n"
                               "    def test_it(self):\n        self.assertEqual(double(2), 4)\n"),
    "several files": answer(f"# src/doubling.py\n{PLAIN}", f"# test_doubling.py\n{TESTS.format('doubling')}"),
    "a later future": answer(PLAIN, f"from __future__ import annotations\n{DOUBLE}"),
    "an own exception": answer(HALF.format("")),
    "an own exception by its module": answer(HALF.format("solution.")),
    "what comes further down": answer(DOUBLE.replace("double(2)", "double(TWO)"), "TWO = 2"),
    "two ways": answer(DOUBLE, DOUBLE.replace("2 * n", "n + n").replace("double(2)", "double(n=2)")),
    "a session": "```pycon\n>>> sum([1, 2])\n3\n```",
    "a session of its code": answer(PLAIN, ">>> double(2)\n4"),
    "a program": answer(f"import sys\n{DOUBLE}\nprint(double(3))\nif __name__ == '__main__':\n    sys.exit(1)\n"),
    "an end without a fault": answer(f"{DOUBLE}\nraise SystemExit\n"),
    "a test that is left out": answer(DOUBLE, "import pytest\n\n@pytest.mark.skip\ndef test_it():\n    assert False\n"),
    "a test that prints and patches": answer(DOUBLE, "import time\n\ndef test_it(monkeypatch):\n"
                                             "    monkeypatch.setattr(time, 'sleep', print)\n    time.sleep(2)\n"),
    "its own source": answer(f"import inspect\n{DOUBLE}", "def test_it():\n"
                             "    assert inspect.getsource(double).startswith('def double')\n"),
}  # fmt: skip

FOUND = {
    "a wrong doctest": (answer(WRONG), "wrong_answer", "doctest of double: double(2) gives '8\\n', not '4\\n'"),
    "a doctest that raises": (answer(DOUBLE.replace("2 * n", "[][n]")), "wrong_answer",
                              "doctest of double: double(2) raises IndexError: list index out of range"),
    "a wrong session": (answer(PLAIN, ">>> double(2)\n5"), "wrong_answer",
                        "doctest of session 1: double(2) gives '4\\n', not '5\\n'"),
    "a failing test": (answer(PLAIN.replace("2 *", "3 *"), TESTS.format("doubling")), "wrong_answer",
                       "test_double[1]: assert capsys.readouterr().out == f'{2 * n}\\n'"),
    "a test that raises": (answer(PLAIN, "def test_it():\n    assert double(None) == 4\n"), "exception",
                           "test_it: return 2 * n (TypeError)"),
    "a failing assert": (answer(f"{PLAIN}\nassert double(2) == 5\n"), "wrong_answer", "import: assert double(2) == 5"),
    "code that raises": (answer(f"{PLAIN}\nprint(duoble(2))\n"), "exception", "import: print(duoble(2)) (NameError)"),
    "the wrong one of two ways": (answer(WRONG, DOUBLE), "wrong_answer",
                                  "doctest of double: double(2) gives '8\\n', not '4\\n'"),
    "an endless loop": (answer(f"{DOUBLE}\nwhile True:\n    pass\n"), "time_out", "the limit on CPU time was reached"),
    "too much memory": (answer(f"{DOUBLE}\nblock = bytearray(1 << 40)\n"), "limit",
                        "import: the memory limit was reached"),
    "memory in a doctest": (answer(DOUBLE.replace("2 * n", "bytearray(1 << 40)")), "limit",
                            "doctest of double: the memory limit was reached"),
    "an end with a fault": (answer(f"{DOUBLE}\nraise SystemExit(3)\n"), "exception",
                            "import: raise SystemExit(3) (SystemExit)"),
    "an end of the process": (answer(f"import os\n{DOUBLE}\nos._exit(0)\n"), "exception",
                              "the program ended before it reported"),
    "a crash": (answer(f"import ctypes\n{DOUBLE}\nctypes.string_at(0)\n"), "exception",
                "the program crashed (signal 11) before it reported"),
    "broken Python": (answer("def double(n)\n    return 2 * n"), "syntax", "expected ':'"),
    "a package": (answer(f"import numpy as np\n{DOUBLE}\nnp.array([1])\n"), "unsupported",
                  "the package numpy is not in the sandbox"),
    "a place for files": (answer(DOUBLE, "def test_it(tmp_path):\n    assert tmp_path.exists()\n"), "unsupported",
                          "test_it: the fixture tmp_path is not in the sandbox"),
    "a file": (answer(f"{PLAIN}\nopen('x', 'w')\n"), "exception", "import: open('x', 'w') (OSError)"),
}  # fmt: skip

NOTHING = {
    "text": ("Double it.", "no_code"),
    "another language": ("```sql\nSELECT 2;\n```\n\n```\n$ ls\n```", "no_code"),
    "no test": (answer(PLAIN), "loads"),
    "only what is left out": (answer(PLAIN, "import pytest\n\n@pytest.mark.skip\ndef test_it():\n    pass\n"), "loads"),
}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    """All of the answers in one go."""
    if reason := run_checks.unavailable():
        pytest.skip(reason)
    texts = RIGHT | {name: text for name, (text, *_) in (FOUND | NOTHING).items()}
    found = judge(list(texts.values()), [OwnTests()] * len(texts), PARAMS)
    return dict(zip(texts, found, strict=True))


@pytest.mark.parametrize("name", RIGHT)
def test_an_answer_that_does_what_it_claims_passes(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name] == Verdict("pass", "")


@pytest.mark.parametrize("name", FOUND)
def test_what_is_wrong_is_found_and_said(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name] == Verdict(*FOUND[name][1:])


@pytest.mark.parametrize("name", NOTHING)
def test_an_answer_without_a_test_claims_little(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].outcome == NOTHING[name][1]


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_in_either_sandbox(sandbox: str) -> None:
    needs(sandbox)
    texts = [RIGHT["tests that import it by another name"], FOUND["a wrong doctest"][0]]
    found = judge(texts, [OwnTests()] * 2, PARAMS, sandbox=sandbox)
    assert [verdict.outcome for verdict in found] == ["pass", "wrong_answer"]


def test_how_an_answer_is_laid_out() -> None:
    blocks = [
        "# File: app/core.py\nX = 1\n",
        "import pytest\n\ndef test_x():\n    pass\n",
        "Y = 2",
        "# a remark\nZ = 3\n",
    ]
    assert [module for module, _ in laid_out(blocks)] == ["core"] * 4
    assert [code.split()[0] for _, code in laid_out(blocks)] == ["#", "Y", "#", "import"]
    assert laid_out(["X = 1"]) == [("solution", "X = 1\n")]


def test_only_an_own_module_may_have_another_name() -> None:
    code = (
        "import numpy as np\nimport json\nfrom app.core import double\nfrom numpy import array\nnp.array(json.loads)\n"
    )
    assert dict(own_imports([("solution", PLAIN + code)])) == {"app": "solution", "app.core": "solution"}
    prepared = OwnTests().prepare(answer(PLAIN, TESTS.format("lib")))
    assert isinstance(prepared, str)
    assert json.loads(prepared)["others"] == {"lib": "solution"}
