"""exact and regex: what is compared with what, and texts that were made to keep a pattern busy."""

from pathlib import Path

import pytest

from distill.common.jsonl import Row
from distill.sandbox.kinds.parts import normal
from distill.sandbox.run_checks import SANDBOXES, Verdict
from sandboxes import needs, put, written

PASS = Verdict("pass", "")


@pytest.mark.parametrize(
    ("text", "ignore", "expected"),
    [
        ("\r\n a  b \t\r\nc\n\n", ("ends",), " a  b\nc"),
        (" a \n\n b ", ("spaces",), "a b"),
        ("Straße", ("case",), "strasse"),
        (" a ", (), " a "),
        ("a\u2028 b", ("ends",), "a\u2028 b"),
    ],
)
def test_what_is_ignored(text: str, ignore: tuple[str, ...], expected: str) -> None:
    assert normal(text, ignore) == expected


def test_exact(tmp_path: Path) -> None:
    check = written(tmp_path / "c.yaml", {"kind": "exact", "expected": ["42 km", "42km"], "ignore": ["ends", "case"]})
    right = ["42 km", " 42 KM \n", "42km", "\ufeff\r\n42 km\r\n"]
    wrong = ["", "42", "42  km", "The answer is 42 km", "42 km\nor 41 km", "\u0664\u0662 km", "42 km\0", "PASS"]
    wrong += ["42 k\u200bm", "42 \u043am", "```\n42 km\n```", "42 km" * 100_000]
    verdicts = put(check, *right, *wrong)
    assert [verdicts[answer] for answer in right] == [PASS] * 4
    assert {verdicts[answer].outcome for answer in wrong} == {"wrong_answer"}
    assert verdicts["42"].detail == "it is '42', not '42 km'"


def test_exact_in_a_block(tmp_path: Path) -> None:
    check = written(tmp_path / "c.yaml", {"kind": "exact", "expected": "ls -l", "where": "block"})
    first, second = "Run:\n```bash\nls -l\n```\n", "```\nls\n```\n```\nls -l\n```\n"
    verdicts = put(check, first, second, "ls -l")
    assert [verdicts[answer].outcome for answer in (first, second, "ls -l")] == ["pass", "wrong_answer", "no_code"]


@pytest.mark.parametrize("kind", [{"kind": "exact", "ignore": []}, {"kind": "regex"}])
def test_the_line_break_at_the_end_is_neither_the_block_s_nor_the_text_s(kind: Row, tmp_path: Path) -> None:
    for number, (where, answer) in enumerate({"block": "```\n  ls -l\n```", "text": "ls -l\n"}.items()):
        line = "  ls -l" if where == "block" else "ls -l"
        wanted = {"pattern": line} if kind["kind"] == "regex" else {"expected": f"{line}\n"}
        check = written(tmp_path / f"{number}.yaml", {**kind, **wanted, "where": where})
        assert put(check, answer) == {answer: PASS}
        assert {verdict.outcome for verdict in put(check, answer.replace("-l", "-l\n\n$")).values()} == {"wrong_answer"}


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_regex(sandbox: str, tmp_path: Path) -> None:
    needs(sandbox)
    check = written(tmp_path / "c.yaml", {"kind": "regex", "pattern": "(feat|fix): (\\w+ ?)+", "flags": ["ascii"]})
    busy = "fix: " + "a" * 60 + "!"
    verdicts = put(check, "fix: the end", "fix: the end\n\n", "fix: 1\nmore", "xfix: 1", busy, sandbox=sandbox)
    assert [verdict.outcome for verdict in verdicts.values()] == ["pass"] * 2 + ["wrong_answer"] * 2 + ["time_out"]
    assert verdicts[busy].detail == "the limit on CPU time was reached"


def test_a_search(tmp_path: Path) -> None:
    check = written(
        tmp_path / "c.yaml", {"kind": "regex", "pattern": "^yes$", "match": "search", "flags": ["multiline"]}
    )
    verdicts = put(check, "Well,\nyes", "yes, no", "\ud800 lone")
    assert [verdict.outcome for verdict in verdicts.values()] == ["pass", "wrong_answer", "wrong_answer"]
