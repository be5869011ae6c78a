"""Judging: outcomes and details by hand, pytest's rules, the corpus, and a person's errors."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from distill.common.config import parse
from distill.common.errors import DistillError, InputError
from distill.sandbox import conversation, extract_code, run_checks
from distill.sandbox.kinds.python import PythonCheck
from distill.sandbox.run_checks import OUTCOMES, SANDBOXES, SandboxParams, Verdict, judge
from repository import ROOT
from sandboxes import LIMITS, needs

CHECKS = sorted((ROOT / "data/checks").glob("*.py"))
PARAMS = SandboxParams.model_validate(LIMITS)
Try = Callable[[str, str], Verdict]


@pytest.fixture(autouse=True)
def somewhere() -> None:
    if reason := run_checks.unavailable():
        pytest.skip(reason)


@pytest.fixture
def attempt(tmp_path: Path) -> Try:
    """Judge code against the body of one test that may use `solution` and `pytest`."""

    def run(code: str, body: str) -> Verdict:
        check = tmp_path / "check.py"
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        check.write_text(f"import pytest\nimport solution\n\n\ndef test_it():\n{lines}")
        return judge([f"```python\n{code}\n```\n"], [check], PARAMS)[0]

    return run


CORPUS = PARAMS.model_copy(update={"cpu_s": 20})


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_reference_answers_pass(sandbox: str) -> None:
    needs(sandbox)
    references = [(ROOT / f"data/reference/{check.stem}.md").read_text() for check in CHECKS]
    verdicts = judge(references, CHECKS, CORPUS, sandbox=sandbox)
    assert len(CHECKS) == 48
    assert {check.stem: one for check, one in zip(CHECKS, verdicts, strict=True) if one != Verdict("pass", "")} == {}


def test_wrong_answers_fail() -> None:
    wrong = [f"```python\n{(ROOT / 'tests/sandbox/wrong_answers' / check.name).read_text()}\n```\n" for check in CHECKS]
    outcomes = {verdict.outcome for verdict in judge(wrong, CHECKS, CORPUS)}
    assert outcomes == {"wrong_answer", "exception"}


def test_each_outcome_and_its_detail(tmp_path: Path) -> None:
    check = tmp_path / "double.py"
    check.write_text(
        "from solution import double\n\n\ndef test_small():\n    assert double(2) == 4\n\n\n"
        "def test_large():\n    for number in (10, 20):\n        assert (\n            double(number) == 2 * number\n"
        "        )\n"
    )
    bodies = {
        "return 2 * n": Verdict("pass", ""),
        "return 4": Verdict("wrong_answer", "test_large: assert double(number) == 2 * number"),
        "return None": Verdict("wrong_answer", "test_small: assert double(2) == 4"),
        "return {}[n]": Verdict("exception", "test_small: KeyError: 2"),
        "raise ValueError": Verdict("exception", "test_small: ValueError"),
        "return object() + n": Verdict(
            "exception", "test_small: TypeError: unsupported operand type(s) for +: 'object' and 'int'"
        ),
        "raise OSError(f'{object()} /home/someone/file')": Verdict(
            "exception", "test_small: OSError: <object object at 0x…> …"
        ),
        "raise OSError('two\\nlines ' + 'x' * 999)": Verdict(
            "exception", "test_small: OSError: two lines " + "x" * (160 - 32) + "…"
        ),
        "while True: pass": Verdict("time_out", "test_small: the limit on CPU time was reached"),
        "return bytearray(1 << 40)": Verdict("limit", "test_small: the memory limit was reached"),
        "import gc": Verdict("refused", "gc"),
        "import builtins; builtins.len = lambda _: 4; return 2 * n": Verdict("refused", "builtins.len"),
        "__import__('builtins').len = lambda _: 4; return 2 * n": Verdict("refused", "replaces builtins.len"),
        "exit()": Verdict("exception", "test_small: SystemExit: None"),
        "raise SystemExit": Verdict("exception", "test_small: SystemExit"),
    }
    answers = {f"```python\ndef double(n):\n    {body}\n```\n": verdict for body, verdict in bodies.items()}
    answers |= {
        "Double it.": Verdict("no_code", "the answer has no Python code block"),
        "```python\ndef double(n)\n```": Verdict("syntax", "line 1: expected ':'"),
        "```python\ndef triple(n):\n    return 3 * n\n```": Verdict(
            "exception", "import: the code does not define double"
        ),
        "```python\nimport numpy\ndouble = numpy.dot\n```": Verdict(
            "exception", "import: ModuleNotFoundError: No module named 'numpy'"
        ),
    }
    seen: dict[int, Verdict] = {}
    verdicts = judge(list(answers), [check] * len(answers), PARAMS, seen.__setitem__)
    assert verdicts == list(answers.values())
    assert [seen[index] for index in range(len(answers))] == verdicts
    assert {verdict.outcome for verdict in verdicts} == set(OUTCOMES)


def test_live_objects_are_the_answers_own(attempt: Try) -> None:
    code = """
import collections, decimal, enum, fractions, functools


class Color(enum.Enum):
    RED = 1

class Box(list): pass
Pair = collections.namedtuple("Pair", "left right")
registry = []

def register(function): registry.append(function); return function
def wrapped(function):
    @functools.wraps(function)
    def call(): return function()
    return call
def paint(): return Color.RED
def half(): return fractions.Fraction(1, 2), decimal.Decimal("0.5")
def change(rows): rows.append(1)
def count(): yield from range(100_000)
async def later(value): return value
"""
    body = """
import asyncio
def named(): return 5
assert solution.paint() is solution.Color.RED
assert solution.register(named) is named and solution.registry == [named]
assert solution.wrapped(named).__name__ == "named"
assert solution.half() == (0.5, 0.5)
assert solution.Box([1]) == [1] and solution.Pair(1, 2).right == 2
rows = []
solution.change(rows)
assert rows == [1] and sum(1 for _ in solution.count()) == 100_000
assert asyncio.run(solution.later([1])) == [1]
"""
    assert attempt(code, body.strip()) == Verdict("pass", "")


CHECK_IN_FULL = """
import inspect
import unittest

import pytest

from solution import double


@pytest.fixture(scope="module")
def two():
    yield 2


@pytest.fixture(autouse=True)
def prepared(monkeypatch):
    monkeypatch.setattr("math.tau", 6)


@pytest.mark.parametrize("number", [1, pytest.param(2, id="pair")])
def test_parameters(number, two, capsys):
    print("seen")
    assert double(number) == two * number
    assert capsys.readouterr().out == "seen\\n"


class TestClass:
    def setup_method(self):
        self.number = 0.1

    def test_method(self):
        assert double(self.number) == pytest.approx(0.2)
        with pytest.raises(TypeError, match="unsupported"):
            double(None)


class TestCase(unittest.TestCase):
    def test_case(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertEqual(double(number), 2 * number)


def test_source():
    assert "def double" in inspect.getsource(double)


@pytest.mark.skip(reason="not today")
def test_skipped():
    raise OSError


@pytest.mark.xfail(raises=ValueError)
def test_expected():
    raise ValueError
"""


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_checks_may_use_all_of_pytest(sandbox: str, tmp_path: Path) -> None:
    needs(sandbox)
    check = tmp_path / "check.py"
    check.write_text(CHECK_IN_FULL)
    bodies = {
        "2 * n": Verdict("pass", ""),
        "n": Verdict("wrong_answer", "test_parameters[1]: assert double(number) == two * number"),
        "2 * n if n != 2 else 5": Verdict(
            "wrong_answer", "test_parameters[pair]: assert double(number) == two * number"
        ),
        "2 * n if n is not None else 0": Verdict(
            "wrong_answer",
            "TestClass::test_method: with pytest.raises(TypeError, match='unsupported'): double(None) (Failed)",
        ),
        "2 * n if n != 0 else 1": Verdict(
            "wrong_answer", "TestCase::test_case: self.assertEqual(double(number), 2 * number)"
        ),
    }
    answers = [f"```python\ndef double(n):\n    return {body} if n != () else n * 2\n```\n" for body in bodies]
    assert judge(answers, [check] * len(answers), PARAMS, sandbox=sandbox) == list(bodies.values())


def test_the_innermost_frame_says_whose_fault_a_failure_is(attempt: Try) -> None:
    body = "for value in solution.f():\n    last = value\nassert last == 3"
    fault = "test_it: UnboundLocalError: cannot access local variable 'x' where it is not associated with a value"
    assert attempt("def f():\n    print(x)\n    x = 1", body) == Verdict("exception", fault)
    assert attempt("def f(): return []", body).outcome == "wrong_answer"  # `last` stays unset
    assert attempt("def f(): return 5", body) == Verdict(
        "wrong_answer", "test_it: for value in solution.f(): last = value (TypeError)"
    )
    assert attempt("def f(): return map(str, [3])", "assert solution.f()[:1] == ['3']").outcome == "wrong_answer"
    assert attempt("def f():\n    assert False, 'no'", body) == Verdict("exception", "test_it: AssertionError: no")
    assert attempt("import json\ndef f(): return json.loads('{')", body).outcome == "exception"
    assert (
        attempt("def f(call): return call()", "def call(): raise OSError\nsolution.f(call)").outcome == "wrong_answer"
    )
    assert attempt("def f(): return g()", "pytest.fail('never')\nsolution.f()") == Verdict(
        "wrong_answer", "test_it: pytest.fail('never') (Failed)"
    )
    assert attempt("def g(): pass", "solution.f()") == Verdict("exception", "test_it: the code does not define f")


def test_code_as_written_is_loaded_whole(tmp_path: Path) -> None:
    check = tmp_path / "check.py"
    check.write_text("from solution import double\n\n\ndef test_it():\n    assert double(2) == 4\n")
    answer = "```python\ndef double(n):\n    return 2 * n\n```\n\n```python\n{}\n```\n"
    rest = {
        "print(double(4))": Verdict("pass", ""),
        "import pytest\n@pytest.mark.parametrize('n', [1])\ndef test_double(n): assert double(n)": Verdict("pass", ""),
        "print(1 / 0)": Verdict("exception", "import: ZeroDivisionError: division by zero"),
        "import sys\nsys.exit()": Verdict("exception", "import: SystemExit"),
    }
    answers = [answer.format(text) for text in rest]
    verdicts = judge(answers, [check] * len(answers), PARAMS, whole=True)
    assert verdicts == list(rest.values())


def test_an_answer_that_breaks_its_judge_ends_no_other_s_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = tmp_path / "check.py"
    check.write_text("from solution import double\n\n\ndef test_it():\n    assert double(2) == 4\n")
    good, bad = "```python\ndef double(n):\n    return 2 * n\n```", "```python\ndef double(n):\n    return 'bad'\n```"

    def refused(source: str) -> None:
        if "bad" in source:
            raise RecursionError

    def broken(check: PythonCheck, solution: str, *rest: Any) -> Verdict:
        if "bad" in solution:
            raise MemoryError("no room")
        return real(check, solution, *rest)

    real: Any = PythonCheck.judge
    monkeypatch.setattr(PythonCheck, "judge", broken)
    found = judge([bad, good], [check] * 2, PARAMS)
    assert found == [Verdict("limit", "the sandbox did not start: MemoryError: no room"), Verdict("pass", "")]
    monkeypatch.setattr(extract_code, "refused", refused)
    found = judge([bad, good], [check] * 2, PARAMS)
    assert found == [Verdict("syntax", "the code could not be read (RecursionError)"), Verdict("pass", "")]


def test_a_sandbox_that_cannot_even_be_asked_for_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(name: str, limits: object, program: object) -> None:
        raise RuntimeError("no entry of this user in the password file")

    monkeypatch.setattr(conversation, "start", start)
    run_checks.available.cache_clear()
    reason = run_checks.unavailable()
    run_checks.available.cache_clear()
    assert reason is not None
    assert "sandlock: RuntimeError: no entry of this user in the password file" in reason


def test_verdicts_are_the_same_every_time_and_with_any_number_of_workers(tmp_path: Path) -> None:
    check = tmp_path / "check.py"
    check.write_text("from solution import words\n\n\ndef test_it():\n    assert words() == ''\n")
    code = "def words():\n    raise ValueError(str({'one', 'two', 'three', 'four'}) + str(object()) + str(id(0) % 1))\n"
    answers = [f"```python\n{code}```\n", "```python\ndef words():\n    return ''\n```\n"] * 3
    verdicts = judge(answers, [check] * 6, PARAMS, workers=1)
    assert verdicts == judge(answers, [check] * 6, PARAMS, workers=4)
    assert verdicts[0] == verdicts[2] == verdicts[4]
    assert verdicts[1] == Verdict("pass", "")


def test_a_wrong_check_is_named(tmp_path: Path) -> None:
    texts = {
        "def test_it(:": ":1: the check does not compile (",
        "from solution import double\n": ": the check has no test function; write one whose name begins with 'test_'",
    }
    for number, (text, reason) in enumerate(texts.items()):
        check = tmp_path / f"check{number}.py"
        check.write_text(text)
        with pytest.raises(InputError) as caught:
            judge(["nothing to run"], [check], PARAMS)
        assert str(caught.value).startswith(f"{check}{reason}")
    with pytest.raises(InputError, match=r"none\.py: no such file; write the hidden check"):
        judge(["nothing to run"], [tmp_path / "none.py"], PARAMS)


def test_a_class_of_the_check_has_the_same_name_in_every_run(attempt: Try) -> None:
    body = "class Given: pass\nsolution.f(Given)"
    verdict = attempt("def f(value):\n    raise ValueError(value)", body)
    assert verdict == Verdict("exception", "test_it: ValueError: <class 'check.test_it.<locals>.Given'>")


def test_a_check_that_ends_its_process_does_not_end_the_caller(attempt: Try) -> None:
    body = "import os\nos._exit(1)"
    assert attempt("x = 1", body) == Verdict("exception", "test_it: the program ended before it reported")


def test_nothing_to_judge() -> None:
    assert judge([], [], PARAMS) == []


def test_without_a_sandbox_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run_checks, "available", lambda: (None, "no sandbox works here (reasons)"))
    with pytest.raises(DistillError, match=r"no sandbox works here \(reasons\)"):
        judge(["x"], [tmp_path / "none.py"], PARAMS)


def test_an_exception_in_the_callback_ends_the_judging_at_once(tmp_path: Path) -> None:
    check = tmp_path / "check.py"
    check.write_text("from solution import nap\n\n\ndef test_it():\n    assert nap() is None\n")
    quick = "```python\ndef nap():\n    pass\n```\n"
    slow = "```python\nimport time\n\ndef nap():\n    time.sleep(3600)\n```\n"

    def stop(index: int, verdict: Verdict) -> None:
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        judge([quick, slow, slow, slow], [check] * 4, PARAMS, stop, workers=2)
    assert time.monotonic() - start < PARAMS.wall_s / 2


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_killed_caller_leaves_nothing_running(sandbox: str, tmp_path: Path) -> None:
    needs(sandbox)
    check = tmp_path / "check.py"
    check.write_text("from solution import nap\n\n\ndef test_it():\n    assert nap() is None\n")
    program = f"""
from pathlib import Path
from distill.sandbox.run_checks import SandboxParams, judge
done = lambda index, verdict: print(index, flush=True)
nap = "```python\\nimport time\\ndef nap(): time.sleep({{}})\\n```"
params = SandboxParams(**{LIMITS})
judge([nap.format(0), nap.format(3600)], [Path({str(check)!r})] * 2, params, done, sandbox={sandbox!r})
"""
    subreaper = ctypes.CDLL(None).prctl
    subreaper(36, 1, 0, 0, 0)  # orphans come here
    try:
        caller = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        with caller:
            assert caller.stdout
            assert caller.stdout.readline() == b"0\n"  # the other one naps
            time.sleep(0.3)
            caller.kill()
        while True:  # the test's own time-out ends this should something live on
            with suppress(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)
                time.sleep(0.05)
                continue
            break
    finally:
        subreaper(36, 0, 0, 0, 0)


def test_params_forbid_unknown_keys_and_limits_that_are_none() -> None:
    with pytest.raises(InputError, match=r"evaluate\.sandbox\.cpu: unknown key"):
        parse(SandboxParams, {**LIMITS, "cpu": 1}, "params.yaml", "evaluate.sandbox")
    with pytest.raises(InputError, match=r"evaluate\.sandbox\.cpu_s: input should be greater than or equal to 1"):
        parse(SandboxParams, {**LIMITS, "cpu_s": 0}, "params.yaml", "evaluate.sandbox")


ODD = {
    "raises wherever it is looked at": "class E(Exception):\n    def __str__(self): raise E\n    __repr__ = __str__\n"
    "    def __getattribute__(self, name): raise SystemExit\ndef f(): raise E",
    "cannot be shown or compared": "class R:\n    def __repr__(self): raise SystemExit\n    __hash__ = None\n"
    "    def __eq__(self, other): raise KeyboardInterrupt\ndef f(): return R()",
    "has no end of causes": "def f():\n    error = ValueError()\n    for _ in range(100_000):\n"
    "        after = ValueError()\n        after.__cause__ = error\n        error = after\n    raise error",
    "has a name of megabytes": "E = type('x' * 3_000_000, (Exception,), {})\ndef f(): raise E",
    "cannot be encoded": "def f(): raise ValueError('\\ud800')",
    "has no standard streams": "import sys\ndef f():\n    sys.stdout = sys.stderr = None\n    return map(str, [2])",
    "stops": "import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGSTOP)",
    "aborts": "import os\ndef f(): os.abort()",
    "is a module that looks names up": "def __getattr__(name): raise SystemExit(name)",
    "leaves no stack": "import sys\nsys.setrecursionlimit(40)\ndef f(): return f()",
}
PLACES = [
    "def test_f():\n    assert f()[:2] == [1]",
    "def test_f():\n    value = f()\n    assert value == 1, f'{value!r} {value}'",
    "@pytest.mark.parametrize('value', [f()])\ndef test_f(value):\n    assert value == 1",
    "@pytest.fixture\ndef value():\n    yield f()\n    f()\n\ndef test_f(value):\n    assert value == 1",
    "class TestF(unittest.TestCase):\n    def test_f(self):\n        with self.subTest(f()):\n"
    "            self.assertIn(f(), [1])",
    "def test_f():\n    with pytest.raises(LookupError, match='x'):\n        f()",
]


def test_whatever_an_answer_raises_wherever_ends_no_other_s_verdict(tmp_path: Path) -> None:
    checks = [tmp_path / f"check_{number}.py" for number in range(len(PLACES))]
    for check, place in zip(checks, PLACES, strict=True):
        check.write_text(f"import pytest\nimport unittest\nfrom solution import f\n\n\n{place}\n")

    def judged(*codes: str, **more: Any) -> list[Verdict]:
        pairs = [(code, check) for code in codes for check in checks]
        answers, paths = [f"```python\n{code}\n```" for code, _ in pairs], [check for _, check in pairs]
        return judge(answers, paths, PARAMS.model_copy(update=more), workers=len(checks) if more else None)

    verdicts = judged(*(code for name, code in ODD.items() if name != "stops"), "def f(): return [1]")
    assert {verdict.outcome for verdict in verdicts[:-6]} <= {"exception", "wrong_answer", "time_out", "limit"}
    assert [verdict.outcome for verdict in verdicts[-6:]] == ["pass"] + ["wrong_answer"] * 5
    stopped = judged(ODD["stops"], wall_s=2.0)  # which only waits
    assert {verdict.outcome for verdict in stopped} <= {"time_out", "limit"}
    assert [verdict for verdict in verdicts + stopped if "did not start" in verdict.detail] == []
