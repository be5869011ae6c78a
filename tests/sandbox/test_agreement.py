"""The judge agrees with plain pytest on ordinary pairs of check and answer (tests/sandbox/agreement).

A file there is Markdown: a heading names a pair, and its Python blocks are the answer's code and the check. Where the
answer is more than its code (a demonstration below it, an open fence), a third block, `markdown`, holds the answer that
is judged, and the first one the function alone, which pytest sees. No verdict is written by hand: it is pytest's own,
on the pair as two files. That the name of a wrong answer begins with "wrong: " only guards against slips in a pair.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from distill.sandbox.run_checks import SANDBOXES, SandboxParams, available, judge
from sandboxes import LIMITS, needs

pytestmark = pytest.mark.xdist_group("agreement")  # so that plain pytest runs the pairs once

HERE = Path(__file__).parent / "agreement"
WRONG = "wrong: "


@dataclass(frozen=True)
class Pair:
    """An ordinary answer and an ordinary check: the code that pytest sees, and the Markdown that the judge sees."""

    name: str
    solution: str
    check: str
    answer: str


def read(path: Path) -> list[Pair]:
    """Return the pairs of one file."""
    tokens = MarkdownIt("commonmark").parse(path.read_text())
    blocks: dict[str, list[str]] = {}
    name = ""
    for before, token in pairwise(tokens):
        if before.type == "heading_open" and before.tag == "h2":
            name = f"{path.stem}: {token.content}"
            assert name not in blocks, f"two pairs have the name {name!r}"
            blocks[name] = []
        elif token.type == "fence":
            blocks[name].append(token.content)
    return [_pair(name, *found) for name, found in blocks.items()]


def _pair(name: str, solution: str, check: str, answer: str | None = None) -> Pair:
    return Pair(name, solution, check, f"```python\n{solution}```\n" if answer is None else answer)


DEFAULT = available()[0] or SANDBOXES[0]
ASKING_THE_SYSTEM = ("concurrency", "environment", "errors", "introspection")
"""The files whose pairs ask for threads, files, clocks and the like: in these the two sandboxes could differ."""
PAIRS = [pair for path in sorted(HERE.glob("*.md")) for pair in read(path)]


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write every pair as two files, in a folder of its own; return the checks' paths."""
    folder = tmp_path_factory.mktemp("pairs")
    paths = []
    for number, pair in enumerate(PAIRS):
        place = folder / f"{number:03}"
        place.mkdir()
        (place / "solution.py").write_text(pair.solution)
        (place / "test_check.py").write_text(pair.check)
        paths.append(place / "test_check.py")
    return paths


@pytest.fixture(scope="module")
def plain(checks: list[Path]) -> dict[str, str | None]:
    """Return plain pytest's verdict on every pair: None, or the first failure."""
    command = [sys.executable, str(HERE / "plain_pytest.py"), str(checks[0].parents[1])]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=300)
    found = json.loads(done.stdout)
    return {pair.name: found[path.parent.name] for pair, path in zip(PAIRS, checks, strict=True)}


def test_the_pairs_are_many_and_are_what_their_names_say(plain: dict[str, str | None]) -> None:
    assert len(PAIRS) >= 200
    slips = {name: said for name, said in plain.items() if (said is not None) != (f": {WRONG}" in name)}
    assert slips == {}
    assert 1 / 6 < sum(said is not None for said in plain.values()) / len(PAIRS) < 1 / 3


def disagreements(sandbox: str, pairs: list[Pair], checks: list[Path], plain: dict[str, str | None]) -> dict[str, str]:
    """Return the pairs of which the judge says something else than pytest, and what both say."""
    needs(sandbox)
    params = SandboxParams.model_validate({**LIMITS, "cpu_s": 10})
    verdicts = judge([pair.answer for pair in pairs], checks, params, sandbox=sandbox)
    return {
        pair.name: f"{verdict.outcome} ({verdict.detail}); pytest: {plain[pair.name] or 'passed'}"
        for pair, verdict in zip(pairs, verdicts, strict=True)
        if (verdict.outcome == "pass") != (plain[pair.name] is None)
    }


@pytest.mark.parametrize("sandbox", [DEFAULT, pytest.param(SANDBOXES[1], marks=pytest.mark.soak)])
def test_the_judge_agrees_with_plain_pytest(sandbox: str, checks: list[Path], plain: dict[str, str | None]) -> None:
    assert disagreements(sandbox, PAIRS, checks, plain) == {}


def test_the_judge_agrees_in_the_other_sandbox_where_a_pair_asks_the_system(
    checks: list[Path], plain: dict[str, str | None]
) -> None:
    chosen = [number for number, pair in enumerate(PAIRS) if pair.name.startswith(ASKING_THE_SYSTEM)]
    assert len(chosen) >= 60
    found = disagreements(SANDBOXES[1], [PAIRS[number] for number in chosen], [checks[n] for n in chosen], plain)
    assert found == {}
