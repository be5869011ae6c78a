"""The watch: what equals everything is found wherever it is compared, and honest objects stay what they are."""

import ast
import math
from collections import deque
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from distill.sandbox.inside.impostor import watched


class Yes:
    __eq__ = __gt__ = lambda *_: True
    __hash__ = lambda _: 0  # type: ignore[assignment]  # noqa: E731


class Between:
    __lt__ = __gt__ = __le__ = __ge__ = lambda *_: True


class Column:
    """An object whose comparisons are expressions."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> "Column":  # type: ignore[override]
        return Column(f"{self.name} == {other}")

    __hash__ = None  # type: ignore[assignment]


class Modular(int):
    """A number modulo 7."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and (int(self) - int(other)) % 7 == 0

    __hash__ = int.__hash__


class Picky:
    name = "x"

    def __eq__(self, other: Any) -> bool:
        return bool(self.name == other.name)  # other objects have no such attribute

    __hash__ = None  # type: ignore[assignment]


def run(text: str, **names: Any) -> dict[str, Any]:
    """Run a check's text; `impostor` is what the watch says then."""
    space = dict(names)
    tree, watch = watched(ast.parse(text), space)
    exec(compile(tree, "check", "exec"), space)  # noqa: S102
    return space | {"impostor": watch.impostor()}


@pytest.mark.parametrize(
    "text",
    ["assert x == 4", "assert 4 == x", "x != 4", "[x] == [4]", "{1: (x,)} == {}", "x in [4]", "4 in {x}", "4 < x",
     "any(one == 4 for one in [x])", "isinstance(x, int)", "case.assertEqual(x, 4)", "match x:\n    case 4: pass",
     "while x == 4: break", "f = lambda value: value == 4\nf(x)"],
)  # fmt: skip
def test_what_equals_everything_is_found(text: str) -> None:
    assert run(text, x=Yes(), case=SimpleNamespace(assertEqual=print))["impostor"] == "Yes"


def test_what_is_less_and_greater_is_found() -> None:
    assert run("assert x > 3", x=Between())["impostor"] == "Between"


def test_honest_objects_stay_what_they_are() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    honest = [
        1,
        None,
        "x",
        0.5,
        Decimal(1),
        Fraction(1, 2),
        date(2020, 1, 1),
        deque([1]),
        Picky(),
        object(),
        int,
        cycle,
    ]
    for value in [*honest, Modular(3), pytest.approx(4)]:
        space = run("same = (x == x, x is y, x in [x])", x=value, y=value)
        assert space["same"][1:] == (True, True)
        assert space["impostor"] is None


def test_an_expression_is_no_claim_unless_its_truth_decides() -> None:
    space = run("text = (x == 5).name", x=Column("age"))
    assert (space["text"], space["impostor"]) == ("age == 5", None)
    assert run("assert x == 5", x=Column("age"))["impostor"] == "Column"
    assert run("assert [x] == [5]", x=Column("age"))["impostor"] == "Column"


def test_nothing_is_asked_while_the_check_runs() -> None:
    asked: list[object] = []

    class Logged:
        def __eq__(self, other: object) -> bool:
            asked.append(other)
            return False

        __hash__ = None  # type: ignore[assignment]

    run("x == 1\nassert asked == [1]", x=Logged(), asked=asked)


def test_what_the_check_itself_compares_with_may_equal_everything() -> None:
    assert run("assert [1, 2] == [1, ANY]", ANY=mock.ANY)["impostor"] is None
    assert run("assert [1, 2] == [1, x]", x=mock.ANY)["impostor"] == "_ANY"
    own = "class Any:\n    def __eq__(self, other): return True\nassert 4 == Any()"
    assert run(own)["impostor"] is None


def test_an_approximation_of_everything_is_found() -> None:
    assert run("assert x == 42", x=pytest.approx(0, abs=math.inf))["impostor"] == "ApproxScalar"


def test_large_containers_are_looked_at_in_part() -> None:
    many = [*range(200_000), Yes()]
    assert run("assert x != [4]", x=[*many[:5000], Yes()])["impostor"] == "Yes"
    _, watch = watched(ast.parse(""), {})
    for _ in range(200):
        watch(many)
    assert -20_000 < watch.left <= 0  # then a few of each are looked at, so that a loop stays fast


def test_a_stop_of_iteration_does_not_end_the_loop_of_map() -> None:
    def stop(_: int) -> None:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration was raised"):
        run("list(map(stop, [1, 2]))", stop=stop)
    assert run("found = list(map(str, [1]))")["found"] == ["1"]


def test_line_numbers_stay() -> None:
    tree, _ = watched(ast.parse("x = 1\nassert (\n    x\n    == 2\n)\n"), {})
    compare = next(node for node in ast.walk(tree) if isinstance(node, ast.Compare))
    assert (compare.left.lineno, tree.body[1].lineno) == (3, 2)
