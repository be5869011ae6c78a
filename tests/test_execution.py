"""Judging: outcomes and details by hand, what crosses between check and answer, the corpus, and a person's errors."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from distill import execution
from distill.config import parse
from distill.errors import DistillError, InputError
from distill.execution import OUTCOMES, SANDBOXES, SandboxParams, Verdict, judge
from sandboxes import LIMITS, needs

ROOT = Path(__file__).resolve().parents[1]
CHECKS = sorted((ROOT / "data/prompts/checks").glob("*.py"))
PARAMS = SandboxParams.model_validate(LIMITS)
Try = Callable[[str, str], Verdict]


@pytest.fixture(autouse=True)
def somewhere() -> None:
    if reason := execution.unavailable():
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


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_reference_answers_pass_and_wrong_answers_fail(sandbox: str) -> None:
    needs(sandbox)
    references = [(ROOT / f"data/reference/{check.stem}.md").read_text() for check in CHECKS]
    wrong = [f"```python\n{(ROOT / 'tests/wrong_answers' / check.name).read_text()}\n```\n" for check in CHECKS]
    params = PARAMS.model_copy(update={"cpu_s": 20})
    verdicts = judge(references + wrong, CHECKS + CHECKS, params, sandbox=sandbox)
    assert len(CHECKS) == 48
    assert {check.stem: verdict for check, verdict in zip(CHECKS, verdicts, strict=False) if verdict.detail} == {}
    assert set(verdicts[:48]) == {Verdict("pass", "")}
    assert {verdict.outcome for verdict in verdicts[48:]} == {"wrong_answer", "exception"}


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
        "return 'x' * (8 << 20)": Verdict("limit", "test_small: the limit on output was reached"),
        "exit()": Verdict("exception", "test_small: NameError: name 'exit' is not defined"),
        "raise SystemExit": Verdict("exception", "test_small: SystemExit was raised"),
    }
    answers = {f"```python\ndef double(n):\n    {body}\n```\n": verdict for body, verdict in bodies.items()}
    answers |= {
        "Double it.": Verdict("no_code", "the answer has no Python code block"),
        "```python\ndef double(n)\n```": Verdict("syntax", "line 1: expected ':'"),
        "```python\ndef triple(n):\n    return 3 * n\n```": Verdict("exception", "the code does not define double"),
        "```python\nimport numpy\ndouble = numpy.dot\n```": Verdict(
            "exception", "import: ModuleNotFoundError: No module named 'numpy'"
        ),
    }
    seen: dict[int, Verdict] = {}
    verdicts = judge(list(answers), [check] * len(answers), PARAMS, seen.__setitem__)
    assert verdicts == list(answers.values())
    assert [seen[index] for index in range(len(answers))] == verdicts
    assert {verdict.outcome for verdict in verdicts} == set(OUTCOMES)


def test_plain_data_crosses_exactly(attempt: Try) -> None:
    code = "def same(value): return value\ndef kind(value): return type(value).__name__\n"
    body = """
numbers = [None, True, 0, 1, -7, 2**53, -(2**53) - 1, 10**5000, 0.1, -0.0, float("inf"), range(1, 9, 2)]
texts = ["", "ä\\u2028\\ud800", b"\\x00\\xff", bytearray(b"x"), int]
containers = [[], [1, [2, (3,)]], (), {}, {1: "a", (1, 2): [3]}, set(), {1, "a"}, frozenset({1})]
for value in numbers + texts + containers:
    back = solution.same(value)
    assert back == value and type(back) is type(value), value
    assert solution.kind(value) == type(value).__name__
assert repr(solution.same(-0.0)) == "-0.0" and solution.same(float("nan")) != solution.same(float("nan"))
assert list(solution.same({"b": 1, "a": 2})) == ["b", "a"]
"""
    assert attempt(code, body.strip()) == Verdict("pass", "")


def test_subclasses_cross_as_what_they_derive_from(attempt: Try) -> None:
    code = (
        "import collections, enum\n"
        "def counter(): return collections.Counter('aab')\n"
        "def pair(): return collections.namedtuple('Pair', 'left right')(1, 2)\n"
        "def grouped(): return collections.defaultdict(list, a=[1])\n"
        "class Color(enum.IntEnum):\n    RED = 3\n"
        "def color(): return Color.RED\n"
    )
    body = (
        "assert solution.counter() == {'a': 2, 'b': 1}\n"
        "assert solution.pair() == (1, 2)\n"
        "assert solution.grouped() == {'a': [1]}\n"
        "assert solution.color() == 3 and type(solution.color()) is int\n"
        "assert type(solution.pair()) is tuple"
    )
    assert attempt(code, body) == Verdict("pass", "")


def test_objects_stand_in_for_themselves(attempt: Try) -> None:
    code = """
class Vector:
    unit = 1

    def __init__(self, x, y=0): self.x, self.y = x, y
    def __add__(self, other): return Vector(self.x + other.x, self.y + other.y)
    def __rmul__(self, factor): return Vector(factor * self.x, factor * self.y)
    def __eq__(self, other): return (self.x, self.y) == (other.x, other.y)
    def __lt__(self, other): return self.x < other.x
    def __len__(self): return 2
    def __iter__(self): return iter((self.x, self.y))
    def __contains__(self, value): return value in (self.x, self.y)
    def __getitem__(self, index): return (self.x, self.y)[index]
    def __setitem__(self, index, value): setattr(self, "xy"[index], value)
    def __repr__(self): return f"Vector({self.x}, {self.y})"
    def __bool__(self): return bool(self.x or self.y)
    def __enter__(self): self.x = 100; return self
    def __exit__(self, kind, error, trace): self.x = kind.__name__ if kind else None; return True
    def __float__(self): return float(self.x)
    @property
    def length(self): return (self.x ** 2 + self.y ** 2) ** 0.5
    @classmethod
    def of(cls, pair): return cls(*pair)


class Sub(Vector): pass
"""
    body = """
a, b = solution.Vector(1, 2), solution.Vector(x=3, y=4)
assert (a.x, a.y, b.length, solution.Vector.unit) == (1, 2, 5.0, 1)
assert a + b == solution.Vector(4, 6) and (2 * a).y == 4 and a != b and a == a
assert (a < b) is True and sorted([b, a])[0].x == 1
assert len(a) == 2 and list(a) == [1, 2] and 2 in a and 7 not in a and a[1] == 2 and a[-1] == 2
a[0] = 9
a.y = 8
assert repr(a) == "Vector(9, 8)" and str(a) == f"{a}" == "Vector(9, 8)" and float(a) == 9.0
assert not solution.Vector(0) and solution.Vector(1)
assert isinstance(a, solution.Vector) and not isinstance(3, solution.Vector)
assert issubclass(solution.Sub, solution.Vector) and isinstance(solution.Sub(1), solution.Vector)
assert solution.Vector.of((5, 6)).y == 6 and solution.Vector.__name__ == "Vector"
with a as entered:
    assert entered.x == 100
    raise KeyError("swallowed by __exit__")
assert a.x == "KeyError"
assert a != 3 and a != (9, 8) and {a: 1}[a] == 1
with pytest.raises(TypeError):
    a < 3
with pytest.raises(AttributeError):
    a.nothing
with pytest.raises(IndexError):
    a[5]
x, y = b
assert (x, y) == (3, 4) and max(b) == 4 and dict(zip("xy", b)) == {"x": 3, "y": 4}
"""
    assert attempt(code, body.strip()) == Verdict("pass", "")


def test_generators_exceptions_functions_and_coroutines(attempt: Try) -> None:
    code = """
import functools


class Missing(KeyError):
    def __init__(self, name): self.name = name
    def __str__(self): return f"no {self.name}"

class Very(Missing, ValueError): pass

def count():
    n = 0
    while True:
        yield (n := n + 1)

def fail(kind): raise kind("x")
def twice(function, *args): return function(*args), function(*args)
def guard(function):
    try: return function()
    except ZeroDivisionError as error: return str(error)
def memoise(function): return functools.lru_cache(function)
async def later(value): return value
"""
    body = """
import asyncio, itertools
assert list(itertools.islice(solution.count(), 3)) == [1, 2, 3] and next(solution.count()) == 1
with pytest.raises(solution.Missing, match="^no x$") as caught:
    solution.fail(solution.Missing)
assert caught.value.name == "x" and isinstance(caught.value, KeyError)
for kind in (solution.Missing, solution.Very, ValueError, LookupError):
    with pytest.raises(kind):
        solution.fail(solution.Very)
with pytest.raises(TimeoutError):
    solution.fail(TimeoutError)
calls = []
assert solution.twice(lambda value: calls.append(value) or len(calls), "a") == (1, 2) and calls == ["a", "a"]
assert solution.guard(lambda: 1 / 0) == "division by zero"
with pytest.raises(KeyError):
    solution.guard(lambda: {}[1])
square = solution.memoise(lambda value: calls.append(value) or value**2)
assert (square(3), square(3), calls) == (9, 9, ["a", "a", 3])
assert solution.twice(lambda: next(solution.count())) == (1, 1)
async def wait():
    return await solution.later([1])
assert asyncio.run(wait()) == [1]
"""
    assert attempt(code, body.strip()) == Verdict("pass", "")


def test_changed_arguments_change_here_too(attempt: Try) -> None:
    code = "def change(rows, table, seen):\n    rows.reverse()\n    rows[0].append(9)\n    table['new'] = seen.pop()\n"
    body = """
inner = [2]
rows, table, seen = [[1], inner], {"old": 0}, {5}
solution.change(rows, table, seen=seen)
assert (rows, table, seen) == ([[2, 9], [1]], {"old": 0, "new": 5}, set())
"""
    assert attempt(code, body.strip()) == Verdict("pass", "")
    # A test that an answer leaves its input alone must be able to fail.
    body = "given = [3, 1, 2]\nassert solution.ordered(given) == [1, 2, 3]\nassert given == [3, 1, 2]"
    verdict = attempt("def ordered(items):\n    items.sort()\n    return items\n", body)
    assert verdict == Verdict("wrong_answer", "test_it: assert given == [3, 1, 2]")
    assert attempt("ordered = sorted", body) == Verdict("pass", "")


def test_an_answer_with_tests_beside_its_code_is_loaded_without_pytest(attempt: Try) -> None:
    code = (
        "import pytest\nfrom pytest import mark, raises\n\ndef double(n): return 2 * n\n\n"
        "@pytest.fixture\ndef number(): return 2\n\n"
        "@mark.parametrize('n', [1])\ndef test_double(n): assert double(n)\n\n"
        "class TestDouble:\n    @pytest.mark.slow\n    def test_it(self): pass\n"
    )
    assert attempt(code, "assert solution.double(4) == 8\nassert solution.number() == 2") == Verdict("pass", "")


def test_where_the_joined_blocks_cannot_be_imported_the_defining_one_is_used(tmp_path: Path) -> None:
    check = tmp_path / "check.py"
    check.write_text("from solution import double\n\n\ndef test_it():\n    assert double(2) == 4\n")
    answer = "```python\ndef double(n):\n    return 2 * n\n```\n\n```python\nfrom mine import double\nprint(1)\n```\n"
    assert judge([answer], [check], PARAMS) == [Verdict("pass", "")]


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
    good = "```python\ndef double(n):\n    return 2 * n\n```\n"
    texts = {
        "def test_it(:": "the check does not compile (line 1); mend the check",
        "from solution import double\n": "the check has no test function; mend the check",
        "def test_it():\n    undefined()\n": "NameError: name 'undefined' is not defined; mend the check",
        "from solution import double\ndef test_it():\n    double(object())\n": "it passes a object, which cannot",
        "import nowhere\n": "No module named 'nowhere'; mend the check",
    }
    for number, (text, reason) in enumerate(texts.items()):
        check = tmp_path / f"check{number}.py"
        check.write_text(text)
        with pytest.raises(InputError) as caught:
            judge([good], [check], PARAMS)
        assert str(caught.value).startswith(f"{check}: ")
        assert reason in str(caught.value)
    with pytest.raises(InputError, match=r"none\.py: no such file; write the hidden check"):
        judge([good], [tmp_path / "none.py"], PARAMS)


def test_a_check_with_a_test_that_can_end_the_judge_does_not_end_the_caller(attempt: Try) -> None:
    body = "import os\nos._exit(1)"
    assert attempt("x = 1", body) == Verdict("limit", "the answer's values brought the check down")


def test_nothing_to_judge() -> None:
    assert judge([], [], PARAMS) == []


def test_without_a_sandbox_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(execution, "available", lambda: (None, "no sandbox works here (reasons)"))
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
from distill.execution import SandboxParams, judge
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
