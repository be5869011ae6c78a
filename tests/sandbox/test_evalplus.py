"""`selected` against EvalPlus's sanitiser: what each takes of an answer, run under plain pytest.

Where they differ, on the reference answers, the wrong answers and those of odd_answers.yaml, is written down with the
reason: in odd_answers.yaml and in `DIFFERENCES`. The code is this repository's own, so it runs without a sandbox.
"""

import ast
import json
import os
import subprocess
import sys
import textwrap
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from distill.sandbox.extract_code import NoSource, selected, wanted_names
from repository import ROOT

ODD = yaml.safe_load((ROOT / "tests/sandbox/odd_answers.yaml").read_text(encoding="utf-8"))
CHECKS = sorted((ROOT / "data/checks").glob("*.py"))
DIFFERENCES = {
    "run-length-encode": "EvalPlus takes one wanted name; the check wants two.",
    "valid-sudoku": "EvalPlus drops functions without a return, here a helper that only raises.",
}
"""Reference and wrong answers where the two differ, and why."""

# Each module gets its own `solution`; the outcome of a module is the worst of its tests and its import.
CONFTEST = """
import json, pathlib, sys
import pytest

outcomes = {}

def pytest_collectstart(collector):
    if isinstance(collector, pytest.Module):
        sys.modules.pop("solution", None)
        sys.path[0] = str(collector.path.parent)
        outcomes[collector.path.parent.name] = "pass"

def note(report):
    if report.failed:
        outcomes[pathlib.Path(report.nodeid.split("::")[0]).parent.name] = "fail"

pytest_runtest_logreport = pytest_collectreport = note

def pytest_sessionfinish(session):
    pathlib.Path("outcomes.json").write_text(json.dumps(outcomes))
"""


@dataclass(frozen=True)
class Case:
    """An answer and its check."""

    name: str
    answer: str
    check: str

    @property
    def wanted(self) -> frozenset[str]:
        return wanted_names(self.check)


def odd(entry: dict[str, Any]) -> Case:
    names = [entry["wanted"]] if isinstance(entry["wanted"], str) else entry["wanted"]
    names = [*names, *([entry["also"]] if "also" in entry else [])]
    body = textwrap.indent(entry["check"], "    ")
    return Case(
        entry["name"], entry["answer"], f"from solution import {', '.join(names)}\n\n\ndef test_it():\n{body}\n"
    )


@pytest.fixture(scope="module")
def sanitize() -> Callable[..., str]:
    """EvalPlus's function. Its module also wants the benchmarks' download, with all that this takes: not loaded."""
    pytest.importorskip("evalplus")
    name, needed = "evalplus.data", "get_human_eval_plus get_mbpp_plus load_solutions write_directory write_jsonl"
    data = types.ModuleType(name)
    vars(data).update(dict.fromkeys(needed.split()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, name, data)
        from evalplus.sanitize import sanitize as function
    return function


def run(folder: Path, pairs: list[tuple[str, str]]) -> list[str]:
    """Return `pass` or `fail` for each pair of source and check, all run in one pytest, the same pair once."""
    folder.mkdir()
    (folder / "conftest.py").write_text(CONFTEST)
    numbers = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
    for (source, check), number in numbers.items():
        pair = folder / f"pair{number}"
        pair.mkdir()
        (pair / "solution.py").write_text(source, encoding="utf-8")
        (pair / "test_check.py").write_text(check, encoding="utf-8")
    options = "-q --assert=plain --continue-on-collection-errors --import-mode=importlib -c /dev/null --rootdir=."
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options.split()],
        cwd=folder,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (folder / "outcomes.json").exists(), done.stdout + done.stderr
    outcomes = json.loads((folder / "outcomes.json").read_text())
    return [outcomes[f"pair{numbers[pair]}"] for pair in pairs]


def pairs_here(cases: list[Case]) -> list[tuple[str, str]]:
    """Return what `selected` takes of each answer, with its check."""
    return [
        (found if isinstance(found := selected(case.answer, case.wanted), str) else "", case.check) for case in cases
    ]


def pairs_there(sanitize: Callable[..., str], cases: list[Case]) -> list[tuple[str, str]]:
    """Return what EvalPlus takes of each answer, with its check."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [(sanitize(case.answer, entrypoint=min(case.wanted)), case.check) for case in cases]


@pytest.fixture(scope="module")
def odd_here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cases = [odd(entry) for entry in ODD]
    ran = run(tmp_path_factory.mktemp("odd") / "here", pairs_here(cases))
    found = [selected(case.answer, case.wanted) for case in cases]
    outcomes = [one.outcome if isinstance(one, NoSource) else outcome for one, outcome in zip(found, ran, strict=True)]
    return {case.name: outcome for case, outcome in zip(cases, outcomes, strict=True)}


def test_odd_answers(odd_here: dict[str, str]) -> None:
    assert len(odd_here) == len(ODD) >= 60
    assert odd_here == {entry["name"]: entry["selected"] for entry in ODD}


def test_odd_answers_differ_where_it_is_written(
    tmp_path: Path, sanitize: Callable[..., str], odd_here: dict[str, str]
) -> None:
    cases = [odd(entry) for entry in ODD]
    ran = run(tmp_path / "there", pairs_there(sanitize, cases))
    there = {case.name: outcome for case, outcome in zip(cases, ran, strict=True)}
    assert there == {entry["name"]: entry["evalplus"] for entry in ODD}
    differing = {name for name in there if (odd_here[name] == "pass") != (there[name] == "pass")}
    assert differing == {entry["name"] for entry in ODD if "why" in entry}


def test_reference_and_wrong_answers(tmp_path: Path, sanitize: Callable[..., str]) -> None:
    cases = []
    for check in CHECKS:
        wrong = (ROOT / "tests/sandbox/wrong_answers" / check.name).read_text(encoding="utf-8")
        reference = (ROOT / f"data/reference/{check.stem}.md").read_text(encoding="utf-8")
        text = check.read_text(encoding="utf-8")
        cases += [Case(check.stem, reference, text), Case(f"{check.stem}, wrong", f"```python\n{wrong}```\n", text)]
    pairs = [
        (ast.unparse(ast.parse(source)), check) for source, check in pairs_here(cases) + pairs_there(sanitize, cases)
    ]
    ran = run(tmp_path / "both", pairs)  # most of them are the same code
    here, there = (dict(zip([case.name for case in cases], part, strict=True)) for part in (ran[:96], ran[96:]))
    assert here == {case.name: "fail" if case.name.endswith("wrong") else "pass" for case in cases}
    assert {name for name in here if here[name] != there[name]} == DIFFERENCES.keys()
