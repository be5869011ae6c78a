"""profiles: whatever a model writes has a profile of each kind, fast, and a new one is as short as the docs say."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.common.config import section
from distill.common.errors import InputError
from distill.evaluate.stage import EvaluateParams
from distill.evaluate.style import profiles
from distill.evaluate.style.features import amount, share
from repository import ROOT

NAMES = sorted(profiles.PROFILES)
PIECES = [
    *("```", "```python", "```sql\n", "```json\n", "~~~", "> ", "- ", "1. ", "\n", "    ", "**", "# ", "<!--", "["),
    *("](", "def f(a: int) -> int:", "class E(Exception): ...", '"""Do.', "Args:", ">>> 1", "if x:", "raise"),
    *("SELECT", " * ", "FROM t", "(", "--", "/*", "'", '"', "`", ";", ".", "{", '"a": ', "null", "1e999"),
    *("|a|b|\n|-|-|\n", "Hi,\n", "?", "。", "\0", "\x0b", "\u2028", "\r", "\ud800"),
]
ANSWERS = st.lists(st.one_of(st.text(max_size=20), st.sampled_from(PIECES)), max_size=40).map("".join)
HOSTILE = {
    "text": ("{}", (">", "  - a\n", "*a ", "[", "![", "`a", "*_", "a\n=\n", "|a", ".", '?"', "a-", "a'", "漢。")),
    "python": ("```python\n{}\n```", ("(", "'", "#\n", "def f():pass\n", '"""\n', ">>> 1\n", "@a\n")),
    "sql": ("SELECT {}", ("'", '"', "`", "[", "/* ", "--\n", ";", "(SELECT ", "a.", "1")),
    "json": ("```json\n{}\n```", ("[", "[1,", '{"a":', '"', "1", "\\u")),
}
"""For each profile a text that it looks into, and what is hard for parsers when it is repeated."""


@pytest.mark.parametrize("name", NAMES)
@given(answer=ANSWERS)
@settings(max_examples=60, deadline=None)
def test_whatever_a_model_writes_has_a_profile(name: str, answer: str) -> None:
    assert profiles.profile(name, answer).keys() == profiles.features(name).keys()


@pytest.mark.parametrize("name", NAMES)
def test_time_grows_with_the_length_alone(name: str) -> None:
    """Eight times the text takes some eight times as long; quadratic would be sixty-four times."""
    frame, pieces = HOSTILE[name]
    # A busy machine can be slow once, or twice.
    assert [piece for piece in pieces if all(_is_slow(name, frame, piece) for _ in range(3))] == []


def _is_slow(name: str, frame: str, piece: str) -> bool:
    short, long = (_seconds(name, frame.format(piece * (size // len(piece)))) for size in (4_000, 32_000))
    return long > 16 * short + 0.05


def _seconds(name: str, answer: str) -> float:
    started = time.process_time()
    profiles.profile(name, answer)
    return time.process_time() - started


@pytest.mark.parametrize("name", NAMES)
def test_labels_differ_and_every_profile_has_something_to_draw(name: str) -> None:
    table = profiles.features(name)
    assert len({feature.label for feature in table.values()}) == len(table)
    assert any(not feature.amount for feature in table.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_lists_the_features(name: str) -> None:
    page, table = (ROOT / "docs/evaluate.md").read_text(encoding="utf-8"), profiles.features(name)
    (count, *cells), *others = re.findall(rf"^\| `{name}` \((\d+).*?\) \|(.*?)\|(.*?)\|$", page, re.MULTILINE)
    assert (int(count), others) == (len(table), [])
    for cell, amounts in zip(cells, (False, True), strict=True):
        keys = {key for key, feature in table.items() if feature.amount == amounts}
        assert keys == set(re.findall(r"`([a-z_]+)`", cell))


def test_shares_come_first_and_what_is_no_feature_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    _add(monkeypatch, {"b": 2.0, "more": 1.0, "a": 1.0})
    assert list(profiles.profile("mine", "").items()) == [("a", 1.0), ("b", 2.0)]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"a": 1.0}, "'b' None, where 0 or more is needed"),
        ({"a": 1.5, "b": 0.0}, "'a' 1.5, where a number from 0 to 1"),
        ({"a": float("nan"), "b": 0.0}, "'a' nan"),
        ({"a": 0.0, "b": float("inf")}, "'b' inf"),
        ({"a": 0.0, "b": -1.0}, "'b' -1.0"),
    ],
)
def test_a_profile_that_gives_no_such_number_is_named(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, float], words: str
) -> None:
    _add(monkeypatch, found)
    with pytest.raises(InputError, match=r"style profile 'mine': measure\(\) gives the feature ") as caught:
        profiles.profile("mine", "")
    assert words in str(caught.value)


def _add(monkeypatch: pytest.MonkeyPatch, found: dict[str, float]) -> None:
    table = {"b": amount("B", "b"), "a": share("A", "a")}
    monkeypatch.setitem(profiles.PROFILES, "mine", SimpleNamespace(FEATURES=table, measure=lambda answer: found))


def test_a_profile_that_does_not_exist_is_one_line_with_those_that_do(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text((ROOT / "params.yaml").read_text().replace("style: python", "style: pyhton"))
    with pytest.raises(InputError) as caught:
        section(EvaluateParams, "evaluate", params)
    assert str(caught.value) == (
        f"{params}: evaluate.style: choose one of the style profiles (python, text, sql, json), found 'pyhton'"
    )


def test_the_profile_in_the_documentation_works_as_it_stands_there(tmp_path: Path) -> None:
    """Its two code blocks are put where the text says, into a copy of the sources, and run there."""
    page = (ROOT / "docs/evaluate.md").read_text(encoding="utf-8")
    module, entry = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(module.splitlines()) <= 20
    style = shutil.copytree(ROOT / "src/distill", tmp_path / "distill") / "evaluate/style"
    (style / "commits.py").write_text(module, encoding="utf-8")
    registry = (style / "profiles.py").read_text(encoding="utf-8")
    imports, table = entry.rstrip().split("\n\n")
    assert set(re.findall(r'"(\w+)":', table)) == {*profiles.PROFILES, "commits"}
    for old, new in ((r"^from distill\.evaluate\.style import .*?$", imports), (r"^PROFILES.*?\}$", table)):
        registry, count = re.subn(old, new, registry, flags=re.MULTILINE | re.DOTALL)
        assert count == 1
    (style / "profiles.py").write_text(registry, encoding="utf-8")
    program = (
        "from distill.evaluate.style import profiles\n"
        "for answer in ('Fix the clock\\n\\n- It was slow.\\n- Now it is not.\\n', ''):\n"
        "    print(profiles.profile('commits', answer))\n"
    )
    command = [sys.executable, "-c", program]
    shown = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert shown.stdout == (
        "{'short': 1.0, 'separate': 1.0, 'words': 10.0, 'bullets': 2.0}\n"
        "{'short': 1.0, 'separate': 0.0, 'words': 0.0, 'bullets': 0.0}\n"
    ), shown.stderr
