"""The watch: what equals everything is found wherever it is compared, and honest objects stay what they are."""

import ast
from collections import deque
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from distill.evaluate.sandbox.impostor import NAME, EqualsEverything, watched


class Yes:
    __eq__ = lambda *_: True  # noqa: E731
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


class Picky:
    name = "x"

    def __eq__(self, other: Any) -> bool:
        return bool(self.name == other.name)  # other objects have no such attribute

    __hash__ = None  # type: ignore[assignment]


def run(text: str, **names: Any) -> dict[str, Any]:
    tree, watch = watched(ast.parse(text))
    space = names | {NAME: watch}
    exec(compile(tree, "check", "exec"), space)  # noqa: S102
    return space


@pytest.mark.parametrize(
    "text",
    ["assert x == 4", "assert 4 == x", "x != 4", "[x] == [4]", "{1: (x,)} == {}", "x in [4]", "4 in {x}", "4 < x",
     "any(one == 4 for one in [x])", "isinstance(x, int)", "case.assertEqual(x, 4)", "match x:\n    case 4: pass",
     "while x == 4: break", "f = lambda value: value == 4\nf(x)"],
)  # fmt: skip
def test_what_equals_everything_is_found(text: str) -> None:
    with pytest.raises(EqualsEverything):
        run(text, x=Yes(), case=SimpleNamespace(assertEqual=print))


def test_what_is_less_and_greater_is_found() -> None:
    with pytest.raises(EqualsEverything):
        run("assert x > 3", x=Between())


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
    for value in honest:
        space = run("same = (x == x, x is y, x in [x])", x=value, y=value)
        assert space["same"][1:] == (True, True)
    assert run("text = str((x == 5).name)", x=Column("age"))["text"] == "age == 5"
    with pytest.raises(EqualsEverything):
        run("assert x == 5", x=Column("age"))  # here its truth, which is always the same, would decide


def test_any_is_no_impostor_where_the_check_uses_it() -> None:
    run("assert [1, 2] == [1, ANY]", ANY=mock.ANY)
    with pytest.raises(EqualsEverything):
        run("assert [1, 2] == [1, x]", x=mock.ANY)


def test_large_containers_are_looked_at_in_part() -> None:
    many = [*range(200_000), Yes()]
    with pytest.raises(EqualsEverything):
        run("assert x == [4]", x=[*many[:5000], Yes()])
    _, watch = watched(ast.parse(""))
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
    tree, _ = watched(ast.parse("x = 1\nassert (\n    x\n    == 2\n)\n"))
    compare = next(node for node in ast.walk(tree) if isinstance(node, ast.Compare))
    assert (compare.left.lineno, tree.body[1].lineno) == (3, 2)
