"""checks: each kind is found and read, and a mistake in a file is one line, before an answer is looked at."""

from pathlib import Path

import pytest

from distill.common.errors import InputError
from distill.sandbox import checks
from distill.sandbox.kinds.python import PythonCheck

TEST = "def test_it():\n    pass\n"
SQL = "kind: sql\ntables: CREATE TABLE t (a, b);\n"
WRONG = {
    "": "kind: there is no kind ''; choose",
    "kind: haskell\n": "kind: there is no kind 'haskell'; choose one of: sql, stdout, json, exact, regex, program; or",
    "kind: [sql]\n": "kind: there is no kind '[",
    "kind: exact\n": "expected: missing; add it",
    "kind: exact\nexpected: 42\n": "expected: a text is needed, or a list of some; quote it, found 42",
    "kind: exact\nexpected: []\n": "expected: ",
    "kind: exact\nexpected: ['a', ' ']\n": "expected: an empty answer would pass",
    "kind: exact\nexpected: a\nignore: [end]\n": "ignore.0: input should be 'ends', 'spaces' or 'case', found 'end'",
    "kind: exact\nexpect: a\n": "expect: unknown key (did you mean 'expected'?)",
    "kind: regex\npattern: '(a'\n": "the file: the pattern does not compile (missing ), unterminated subpattern at",
    "kind: regex\npattern: '.*'\n": "the file: the pattern matches an empty answer",
    "kind: regex\npattern: a\nflags: [x]\n": "flags: there is no flag 'x'; choose among ascii, dotall",
    "kind: json\nschema: {type: object}\n": "where: missing; add it",
    "kind: json\nwhere: text\nschem: {}\n": "schem: unknown key (did you mean 'schema'?); keys here: kind, schema,",
    "kind: json\nwhere: text\nschema: {type: objekt}\n": "schema: it is no JSON Schema: $.type: 'objekt' is not valid",
    "kind: json\nwhere: text\nschema: {title: x}\n": "schema: it allows anything",
    "kind: json\nwhere: text\nschema: {$ref: '#'}\n": "schema: it refers to itself without end",
    "kind: json\nwhere: text\nschema: {$ref: '#/$defs/x'}\n": "schema: the $ref '#/$defs/x' leads nowhere",
    "kind: json\nwhere: text\nschema: {$ref: 'https://example.com/x'}\n": "schema: the $ref 'https://example.com/x'",
    "kind: json\nwhere: text\nschema: {$schema: x, type: object}\n": "schema: the $schema 'x' is not known",
    "kind: json\nwhere: text\nschema: {type: string, format: uri}\n": "schema: the format 'uri' is not checked here",
    "kind: json\nwhere: text\nschema: {type: string, format: email}\n": "schema: the format 'email' is not checked",
    "kind: json\nwhere: text\nschema: {type: string, pattern: '('}\n": "schema: it is no JSON Schema: $.pattern: ",
    "kind: json\nwhere: text\nschema: {properties: {on: {type: string}}}\n": "schema: the key True is no text; quote i",
    "kind: stdout\ncases: []\n": "cases: ",
    "kind: stdout\ncases: [{output: ' '}]\n": "the file: a script that does nothing would pass",
    "kind: stdout\ncases: [{output: a, arguments: [3]}]\n": "cases.0.arguments.0: input should be a valid string",
    f"{SQL}datasets: []\n": "datasets: ",
    f"{SQL}datasets: [{{rows: {{}}}}]\n": "the file: datasets.0.expected: missing; write it, or one `reference` for al",
    f"{SQL}datasets: [{{rows: {{}}, expected: [[1]]}}]\nreference: SELECT 1\n": "the file: datasets.0.expected: there",
    f"{SQL}datasets: [{{rows: {{}}, expected: []}}]\n": "no dataset has a row in its result",
    f"{SQL}datasets: [{{rows: {{u: [[1]]}}, expected: [[1]]}}]\n": "datasets.0.rows: no such table: u; fix the rows",
    f"{SQL}datasets: [{{rows: {{t: [[1]]}}, expected: [[1]]}}]\n": "datasets.0.rows: table t has 2 columns but 1 value",
    f"{SQL}datasets: [{{rows: {{t: [1]}}, expected: [[1]]}}]\n": "datasets.0.rows: t.0: a row is a list of values",
    f"{SQL}datasets: [{{rows: {{t: [[1, true]]}}, expected: [[1]]}}]\n": "datasets.0.rows: a value of SQLite is needed",
    f"{SQL}datasets: [{{rows: '', expected: [[2026-01-02]]}}]\n": "datasets.0.expected.0.0: a value of SQLite is neede",
    f"{SQL}datasets: [{{rows: ''}}]\nreference: SELECT x FROM t\n": "datasets.0: reference: no such column: x",
    f"{SQL}datasets: [{{rows: ''}}]\nreference: DELETE FROM t\n": "datasets.0: reference: it may not DELETE",
    f"{SQL}datasets: [{{rows: {{t: [[1, 2]]}}}}]\nreference: SELECT 1\nafter: SELECT * FROM t\n": "after: its result i",
    "kind: sql\ntables: CREATE\ndatasets: [{rows: '', expected: [[1]]}]\n": "datasets.0.rows: incomplete input; fix th",
    "kind: program\ncommand: []\n": "command: ",
    "kind: program\ncommand: [no-such-command]\n": "command: there is no 'no-such-command' in its folder, and none in ",
    "kind: program\ncommand: [python, check.py]\n": "command: there is no ",
    "kind: program\ncommand: [sh]\nfolder: x\n": "folder: there is no folder ",
    "kind: program\ncommand: [./plain]\nfolder: here\n": "command: ./plain is not executable; run `chmod +x` on it",
    "kind: exact\nkind: regex\n": "",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_one_line_that_names_the_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/plain").touch()
    (path := tmp_path / "c.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        checks.read_all(tmp_path)
    said = str(caught.value)
    assert said.startswith(f"{path}:")
    assert WRONG[text] in said
    assert "\n" not in said


def test_a_prompt_has_one_check_or_none(tmp_path: Path) -> None:
    assert checks.load("a", tmp_path / "no folder") is None
    checks.read_all(tmp_path / "no folder")
    (tmp_path / "a.py").write_text(TEST)
    assert checks.find("a", tmp_path) == tmp_path / "a.py"
    assert checks.load("a", tmp_path) == PythonCheck(TEST)
    (tmp_path / "a.yaml").write_text("kind: exact\nexpected: x\n")
    with pytest.raises(InputError, match=r"a\.yaml: the prompt has a second check, a\.py; delete one of them"):
        checks.load("a", tmp_path)
    (tmp_path / "a.py").unlink()
    checks.read_all(tmp_path)
    (tmp_path / "b.yml").touch()
    with pytest.raises(InputError, match=r"b\.yml: it is not looked at; rename it to b\.yaml"):
        checks.read_all(tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"a\.py: not UTF-8 at byte 1"):
        checks.read_all(tmp_path)
