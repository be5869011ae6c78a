"""json: where the document is, what is JSON and what is none, and documents that were made to break a reader."""

from pathlib import Path

import pytest

from distill.sandbox.run_checks import SANDBOXES, Verdict
from sandboxes import needs, put, written

SCHEMA = {
    "type": "object",
    "required": ["id", "tags"],
    "additionalProperties": False,
    "properties": {
        "id": {"const": 1},
        "tags": {"type": "array", "uniqueItems": True, "items": {"type": "string", "pattern": "^(a+)+$"}},
        "day": {"type": "string", "format": "date"},
        "price": {"type": "number", "multipleOf": 0.01},
        "code": {"type": "string", "pattern": r"^(\d{3}|\$[$\]])$"},
        "sets": {"enum": [[1], {"a": [1]}]},
    },
}
PATTERN = r"'(?a:^(\\d{3}|\\$[$\\]])\\Z)'"
"""As it is shown, made Python's."""
PASS = Verdict("pass", "")
GOOD = '{"id": 1, "tags": ["a", "aa"]}'


def wrong(detail: str) -> Verdict:
    return Verdict("wrong_answer", detail)


TEXTS = {
    GOOD: PASS,
    '{"id": 1.0, "tags": []}': PASS,  # by the standard of JSON Schema the same number
    f"\ufeff\r\n{GOOD}\r\n": PASS,
    '{"id": 1, "tags": [], "price": 19.99}': PASS,  # which no float is
    '{"id": 1, "tags": [], "price": 19.995}': wrong("$.price: 19.995 is not a multiple of 0.01"),
    '{"id": 1, "tags": [], "price": 1' + "0" * 400 + "}": PASS,
    '{"id": 1, "tags": [], "code": "123"}': PASS,
    '{"id": 1, "tags": [], "code": "$]"}': PASS,
    '{"id": 1, "tags": [], "code": "123\\n"}': wrong(rf"$.code: '123\n' does not match {PATTERN}"),
    '{"id": 1, "tags": [], "code": "\u0661\u0662\u0663"}': wrong(
        f"$.code: '\u0661\u0662\u0663' does not match {PATTERN}"
    ),
    '{"id": 1, "tags": [], "sets": {"a": [true]}}': wrong("$.sets: {'a': [True]} is not one of [[1], {'a': [1]}]"),
    '{"id": 1, "t\u0430gs": []}': wrong("$: 'tags' is a required property"),  # a Cyrillic a
    '{"id": 1, "tags": [], "\\u0069d": 2}': Verdict("syntax", "no JSON: the key 'id' stands twice"),
    f"{GOOD}\0": Verdict("syntax", "no JSON: Extra data: line 1 column 31 (char 30)"),
    f"```json\n{GOOD}\n```": Verdict("syntax", "no JSON: Expecting value: line 1 column 1 (char 0)"),
    "": Verdict("syntax", "no JSON: Expecting value: line 1 column 1 (char 0)"),
    "PASS": Verdict("syntax", "no JSON: Expecting value: line 1 column 1 (char 0)"),
    '{"outcome": "pass", "detail": ""}': wrong("$: 'id' is a required property"),
    '{"id": "1", "tags": []}': wrong("$.id: 1 was expected"),
    '{"id": true, "tags": []}': wrong("$.id: 1 was expected"),
    '{"id": 1, "tags": ["a", "a"]}': wrong("$.tags: ['a', 'a'] has non-unique elements"),
    '{"id": 1, "tags": [], "x": null}': wrong("$: Additional properties are not allowed ('x' was unexpected)"),
    '{"id": 1, "tags": [], "day": "2026-02-30"}': wrong("$.day: '2026-02-30' is not a 'date'"),
    '{"id": 2, "id": 1, "tags": []}': Verdict("syntax", "no JSON: the key 'id' stands twice"),
    '{"id": NaN, "tags": []}': Verdict("syntax", "no JSON: NaN is no number"),
    '{"id": -Infinity, "tags": []}': Verdict("syntax", "no JSON: -Infinity is no number"),
    '{"id": 1e999, "tags": []}': Verdict("syntax", "no JSON: 1e999 is out of range"),
    '{"id": ' + "1" * 100_000 + "}": Verdict("syntax", "no JSON: a number of 100000 digits"),
    GOOD + GOOD: Verdict("syntax", "no JSON: Extra data: line 1 column 31 (char 30)"),
    GOOD + "\n// by the way": Verdict("syntax", "no JSON: Extra data: line 2 column 1 (char 31)"),
    "{'id': 1, 'tags': []}": Verdict(
        "syntax", "no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    ),
    '{"id":' * 100_000: Verdict("limit", "the document is nested too deeply"),
    '{"id": 1, "tags": ' + "[" * 900 + "]" * 900 + "}": wrong("$.tags[0]: "),
    '{"id": 1, "tags": ["' + "a" * 50 + '!"]}': Verdict("time_out", "the limit on CPU time was reached"),
    '{"id": 1, "tags": ["\\ud800"]}': wrong(r"$.tags[0]: '\ud800' does not match '(?a:^(a+)+\\Z)'"),
}


def test_documents(tmp_path: Path) -> None:
    check = written(tmp_path / "c.yaml", {"kind": "json", "where": "text", "schema": SCHEMA})
    verdicts = put(check, *TEXTS)
    nested = next(text for text in TEXTS if "[[" in text)
    assert verdicts[nested].outcome in ("wrong_answer", "limit")
    assert {text[:60]: verdicts[text] for text in TEXTS if text is not nested} == {
        text[:60]: verdict for text, verdict in TEXTS.items() if text is not nested
    }


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_where_the_document_is(sandbox: str, tmp_path: Path) -> None:
    needs(sandbox)
    block, header = (
        written(tmp_path / f"{where}.yaml", {"kind": "json", "where": where, "schema": SCHEMA})
        for where in ("block", "header")
    )
    fenced, bad = f"Here:\n```json\n{GOOD}\n```\n", '```json\n{"id": 2}\n```\n'
    verdicts = put(block, fenced, bad + fenced, f"```\n{GOOD}\n```", GOOD, "none", sandbox=sandbox)
    assert [one.outcome for one in verdicts.values()] == ["pass", "wrong_answer", "pass", "no_code", "no_code"]
    others = [
        f"Sure!\r\n```JSON\r\n{GOOD}\r\n```\r\nDone.",
        f"> ```jsonc\n> {GOOD}\n> ```",
        f"```sh\nls\n```\n~~~json\n{GOOD}",
    ]
    assert set(put(block, *others, sandbox=sandbox).values()) == {PASS}
    verdicts = put(header, f"{GOOD}\n\nDear Ann,", GOOD, f"{GOOD} Dear Ann,", fenced, f"Hi\n{GOOD}", sandbox=sandbox)
    assert [one.outcome for one in verdicts.values()] == ["pass", "pass", "syntax", "syntax", "syntax"]
