"""distill.evaluate.health: repetition and copied runs, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluate.health import longest_copied_run, repetition
from distill.evaluate.overlap import RunIndex


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0),
        ("one two three", 0),
        ("one two three four five", 0),
        ("a a a a a", 1 / 2),  # aaaa twice
        ("a b a b a b", 1 / 3),  # abab, baba, abab
        ("x, y, z! X. y\nz -- x", 1 / 4),  # xyzx, yzxy, zxyz, xyzx
        ("la " * 103, 99 / 100),
    ],
)
def test_repetition(text: str, share: float) -> None:
    assert repetition(text) == pytest.approx(share)


@given(st.text())
def test_repetition_is_a_share(text: str) -> None:
    assert 0 <= repetition(text) < 1


@given(st.lists(st.integers(), min_size=4, unique=True).map(lambda ns: [abs(n) * 2 + (n < 0) for n in ns]))
def test_distinct_words_repeat_nothing(numbers: list[int]) -> None:
    assert repetition(" ".join(map(str, numbers))) == 0


def test_longest_copied_run() -> None:
    index = RunIndex({"a": "def add(left, right): return left + right", "b": "return left or right"})
    assert longest_copied_run("def add(left, right):\n    return left - RIGHT", index) == 7
    assert longest_copied_run("so: return left or none", index) == 3
    assert longest_copied_run("nothing shared", index) == 0
    assert longest_copied_run("", index) == 0
