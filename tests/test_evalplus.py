"""`selected` against EvalPlus's sanitiser: what each takes of an answer, run under plain pytest.

Where they differ, on the reference answers, the wrong answers and those of odd_answers.yaml, is written down with the
reason: in odd_answers.yaml and in `DIFFERENCES`. The code is this repository's own, so it runs without a sandbox.
"""

import json
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

from conftest import ROOT
from distill.extraction import NoSource, selected, wanted_names

ODD = yaml.safe_load((ROOT / "tests/odd_answers.yaml").read_text(encoding="utf-8"))
CHECKS = sorted((ROOT / "data/prompts/checks").glob("*.py"))
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


def sanitized(sanitize: Callable[..., str], case: Case) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sanitize(case.answer, entrypoint=sorted(case.wanted)[0])


def run(folder: Path, pairs: list[tuple[str, str]]) -> list[str]:
    """Return `pass` or `fail` for each pair of source and check, run in one pytest."""
    folder.mkdir()
    (folder / "conftest.py").write_text(CONFTEST)
    for number, (source, check) in enumerate(pairs):
        pair = folder / f"pair{number}"
        pair.mkdir()
        (pair / "solution.py").write_text(source, encoding="utf-8")
        (pair / "test_check.py").write_text(check, encoding="utf-8")
    options = "-q --continue-on-collection-errors --import-mode=importlib -p no:cacheprovider -c /dev/null --rootdir=."
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options.split()], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert (folder / "outcomes.json").exists(), done.stdout + done.stderr
    outcomes = json.loads((folder / "outcomes.json").read_text())
    return [outcomes[f"pair{number}"] for number in range(len(pairs))]


def verdicts(folder: Path, sanitize: Callable[..., str], cases: list[Case]) -> dict[str, tuple[str, str]]:
    """Return the outcomes of what `selected` and EvalPlus take, by the case's name."""
    sources = [selected(case.answer, case.wanted) for case in cases]
    mine = [
        ("" if isinstance(source, NoSource) else source, case.check)
        for source, case in zip(sources, cases, strict=True)
    ]
    theirs = [(sanitized(sanitize, case), case.check) for case in cases]
    outcomes = [
        source.outcome if isinstance(source, NoSource) else outcome
        for source, outcome in zip(sources, run(folder / "mine", mine), strict=True)
    ]
    both = zip(outcomes, run(folder / "theirs", theirs), strict=True)
    return {case.name: pair for case, pair in zip(cases, both, strict=True)}


def test_odd_answers(tmp_path: Path, sanitize: Callable[..., str]) -> None:
    found = verdicts(tmp_path, sanitize, [odd(entry) for entry in ODD])
    assert len(found) == len(ODD) >= 60
    assert found == {entry["name"]: (entry["selected"], entry["evalplus"]) for entry in ODD}
    differing = {name for name, (mine, theirs) in found.items() if (mine == "pass") != (theirs == "pass")}
    assert differing == {entry["name"] for entry in ODD if "why" in entry}


def test_reference_and_wrong_answers(tmp_path: Path, sanitize: Callable[..., str]) -> None:
    cases = []
    for check in CHECKS:
        wrong = (ROOT / "tests/wrong_answers" / check.name).read_text(encoding="utf-8")
        reference = (ROOT / f"data/reference/{check.stem}.md").read_text(encoding="utf-8")
        text = check.read_text(encoding="utf-8")
        cases += [Case(check.stem, reference, text), Case(f"{check.stem}, wrong", f"```python\n{wrong}```\n", text)]
    found = verdicts(tmp_path, sanitize, cases)
    expected = {case.name: "fail" if case.name.endswith("wrong") else "pass" for case in cases}
    assert len(found) == 96
    assert {name: mine for name, (mine, _) in found.items()} == expected
    assert {name for name, (mine, theirs) in found.items() if mine != theirs} == DIFFERENCES.keys()
