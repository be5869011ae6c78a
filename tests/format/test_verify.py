"""distill.format.verify: answers that do not do what they claim are left out, and of several good ones one is kept."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from distill.common.errors import InputError
from distill.format import stage, verify
from distill.format.examples import Example
from distill.format.stage import FormatParams
from distill.format.verify import Verification
from distill.sandbox import run_checks
from repository import ROOT

DOUBLE = 'def double(n):\n    """Twice as much.\n\n    >>> double(2)\n    4\n    """\n    return {}\n'
GOOD, BAD = DOUBLE.format("2 * n"), DOUBLE.format("n * n * n")
PLAIN = "def double(n):\n    return n + n\n"
CHECK = "from solution import double\n\n\ndef test_it():\n    assert double(3) == 6\n"
SQL_CHECK = """
kind: sql
tables: CREATE TABLE person (name TEXT, age INTEGER);
datasets:
  - rows: {person: [[Ann, 31], [Bob, 28]]}
    expected: [[Ann]]
  - rows: {person: [[Cem, 40], [Eve, 12]]}
    expected: [[Cem]]
"""
ANSWERS = {
    # Held to their own tests, then to the check of their prompt.
    "good": GOOD,
    "bad": BAD,
    "tests": f"{PLAIN}\n\ndef test_it():\n    assert double(3) == 7\n",
    "assert": f"{PLAIN}\nassert double(3) == 7\n",
    "raises": f"{PLAIN}\ndouble()\n",
    "endless": f"{PLAIN}\nwhile True: pass\n",
    "plain": PLAIN,
    "text": None,
    "checked": PLAIN,
    "checked--twin": BAD,
    "query": "SELECT name FROM person WHERE age > 30",
    "query--twin": "SELECT name FROM person",
    "query--text": None,
    # Several answers to one prompt.
    "sampled": BAD,
    "sampled#1": f"# As it is asked for.\n{GOOD}",
    "sampled#2": GOOD,
    "hopeless": BAD,
    "hopeless#1": f"{BAD}\n",
    "ranked": None,
    "ranked#1": PLAIN,
    "ranked#2": GOOD,
}


def example(name: str, code: str | None, dropped: str | None = None) -> Example:
    language = "sql" if name.startswith("query") else "python"
    text = "Double it." if code is None else f"Text.\n\n```{language}\n{code}\n```"
    row = {"id": name, "completion": [{"role": "assistant", "content": text}]}
    return Example(row, name.partition("--")[0].partition("#")[0], len(text), len(text), dropped)


@pytest.fixture(autouse=True)
def somewhere() -> None:
    if reason := run_checks.unavailable():
        pytest.skip(reason)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with checks of two prompts."""
    checks = tmp_path / "data/train-checks"
    checks.mkdir(parents=True)
    (checks / "checked.py").write_text(CHECK)
    (checks / "query.yaml").write_text(SQL_CHECK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verify, "LIMITS", verify.LIMITS.model_copy(update={"cpu_s": 1}))  # for the endless loop
    return tmp_path


def test_what_becomes_of_every_answer(folder: Path) -> None:
    verification = Verification("first")
    examples = [example(name, code) for name, code in ANSWERS.items()]
    examples.insert(3, example("cut-off", BAD, "truncated"))
    settled = list(verification.examples(examples))
    assert [one.row["id"] for one in settled] == [one.row["id"] for one in examples]
    dropped = {one.row["id"]: one.dropped for one in settled if one.dropped}
    assert dropped == {
        **dict.fromkeys(("bad", "tests", "assert", "raises", "endless", "checked--twin", "query--twin", "query--text"),
                        "unverified"),
        **dict.fromkeys(("hopeless", "hopeless#1"), "unverified"),
        **dict.fromkeys(("sampled", "sampled#2", "ranked", "ranked#1"), "surplus"),
        "cut-off": "truncated",
    }  # fmt: skip
    said = verification.metrics()
    reasons = said.pop("failed_answers")
    assert said == {
        "verified": {"by_check": 2, "by_own_tests": 4},
        "only_loads": 2,
        "nothing_to_verify": 2,
        "failed": {"exception": 1, "syntax": 1, "time_out": 1, "wrong_answer": 8},
    }
    assert reasons["exception"] == {"raises": "import: double() (TypeError)"}
    assert reasons["wrong_answer"]["bad"] == "doctest of double: double(2) gives '8\\n', not '4\\n'"
    assert reasons["wrong_answer"]["tests"] == "test_it: assert double(3) == 7"
    assert reasons["wrong_answer"]["checked--twin"] == "test_it: assert double(3) == 6"


def test_the_shortest_of_those_that_pass(folder: Path) -> None:
    examples = [example(name, code) for name, code in ANSWERS.items() if name.startswith("sampled")]
    kept = [one.row["id"] for one in Verification("shortest").examples(examples) if one.dropped is None]
    assert kept == ["sampled#2"]


def test_a_check_that_is_itself_wrong_is_named(folder: Path) -> None:
    (folder / "data/train-checks/good.py").write_text("def test_it(:\n")
    with pytest.raises(InputError, match=r"data/train-checks/good.py:1: the check does not compile"):
        list(Verification("first").examples([example("good", GOOD)]))


def test_without_a_sandbox_it_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_checks, "unavailable", lambda: "no sandbox works here (bubblewrap: not on PATH)")
    with pytest.raises(InputError, match=r"^params.yaml: format.verify: no sandbox works here .*; install bubblewrap"):
        Verification("first")


def test_the_stage_keeps_one_good_answer_a_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three prompts have one: what is surplus does not count as missing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    params = FormatParams(max_length=64, val_share=0.0, split_seed=1, min_kept_share=0.6, drop_broken_code=True,
                          near_duplicates=None, shard_mb=256, system=None, verify=True)  # fmt: skip
    answers = {"one": BAD, "one#1": GOOD, "two": GOOD, "two#1": GOOD, "three": BAD, "three#1": BAD}
    verification = stage.to_verify(params)
    assert verification is not None
    settled = list(verification.examples(example(name, code) for name, code in answers.items()))
    with pytest.raises(InputError, match=r"only 2 of 4 answers can be trained on \(unverified 2\)"):
        stage.write(settled, params)
    values = stage.write(settled, params.model_copy(update={"min_kept_share": 0.5})).metrics()
    assert [json.loads(line)["id"] for line in stage.TRAIN.read_text().splitlines()] == ["one#1", "two"]
    assert (values["dropped"]["unverified"], values["dropped"]["surplus"]) == (2, 2)
    assert values["dropped_ids"] == {"unverified": ["three", "three#1"], "surplus": ["one", "two#1"]}
    assert verification.metrics()["failed"] == {"wrong_answer": 3}


def test_it_is_off_the_path_when_it_is_off() -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom distill.common.config import section\n"
        "from distill.format import stage\n"
        "print(stage.to_verify(section(stage.FormatParams, 'format', Path('params.yaml'))))\n"
        "print([name for name in sys.modules if name.startswith(('distill.sandbox', 'distill.format.verify'))])"
    )
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.stdout == "None\n[]\n", ran.stderr


def test_the_reference_answers_with_tests_pass_as_they_are() -> None:
    """All 104 do (`format.verify: true`); these have tests, alternatives, or files of their own."""
    some = ("--unit-tests", "edit-distance--alternative", "package-layout--")
    names = [path for path in (ROOT / "data/reference").glob("*.md") if any(part in path.stem for part in some)]
    examples = [Example({"id": path.stem, "completion": [{"content": path.read_text(encoding="utf-8")}]}, path.stem)
                for path in names]  # fmt: skip
    verification = Verification("first")
    assert [one.row["id"] for one in verification.examples(examples) if one.dropped] == []
    assert verification.metrics()["verified"]["by_own_tests"] == len(names) == 18
