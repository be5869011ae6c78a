"""sql: results are compared by value, whatever an answer tries; a check's own SQL is tried when it is read."""

from pathlib import Path
from typing import Any

import pytest

from distill.sandbox.run_checks import SANDBOXES, Verdict
from sandboxes import needs, put, written

TABLES = "CREATE TABLE person (name TEXT, age INTEGER, note BLOB);"
PEOPLE = [["Ann", 31, None], {"age": 40, "name": "Bob"}, ["Cem", 12, "x"]]
CHECK: dict[str, Any] = {
    "kind": "sql",
    "tables": TABLES,
    "datasets": [
        {"rows": {"person": PEOPLE}, "expected": [["Ann", 31], ["Bob", 40]]},
        {"rows": "INSERT INTO person VALUES ('Eve', 50, NULL)", "expected": [["Eve", 50]]},
    ],
}
RIGHT = "SELECT name, age FROM person WHERE age > 20"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT"
PASS = Verdict("pass", "")
QUERIES = {
    RIGHT: "pass",
    f"{RIGHT} ORDER BY age DESC;": "pass",
    f"-- adults\n/* all */ {RIGHT}; -- done": "pass",
    f"First:\n```sql\n{RIGHT}\n```\nor\n```sql\nSELECT 1\n```": "pass",
    f"{RIGHT};;\n ;": "pass",
    f"\ufeff{RIGHT}".replace(" ", "\r\n"): "pass",
    f"```PostgreSQL\n{RIGHT};\n```": "pass",
    f"```\nname | age\n```\n~~~sqlite\n{RIGHT}\n~~~": "pass",
    f"WITH adult AS ({RIGHT}) SELECT * FROM adult": "pass",
    f"{ENDLESS} name, age FROM person WHERE age > 20": "pass",  # what is never asked for is not counted
    "SELECT name, j.value FROM person, json_each('[31, 40, 50]') AS j WHERE j.value = age": "pass",
    "SELECT name, age FROM person WHERE age > 20 * (SELECT max(pk) = 0 FROM pragma_table_info('person'))": "pass",
    "SELECT name, age + 0.0 FROM person WHERE age > 20": "pass",
    "SELECT name, age + 1e-12 FROM person WHERE age > 20": "pass",
    "```python\nprint(1)\n```": "no_code",
    "": "no_code",
    "PASS": "syntax",
    "SELECT name, age FROM": "syntax",
    "SELECT 'Ann', 31 UNION ALL SELECT 'Bob', 40": "wrong_answer",  # the second dataset has others
    "SELECT name, CAST(age AS TEXT) FROM person WHERE age > 20": "wrong_answer",
    "SELECT CAST(name AS BLOB), age FROM person WHERE age > 20": "wrong_answer",
    "SELECT age, name FROM person WHERE age > 20": "wrong_answer",
    "SELECT name, age, 1 FROM person WHERE age > 20": "wrong_answer",
    "SELECT name, age + 1e-6 FROM person WHERE age > 20": "wrong_answer",
    f"{RIGHT} UNION ALL {RIGHT}": "wrong_answer",
    f"{RIGHT}; DELETE FROM person": "wrong_answer",
    f"SELECT 1; {RIGHT}": "wrong_answer",
    f"EXPLAIN {RIGHT}": "wrong_answer",
    "SELECT NULL, NULL FROM person WHERE age > 20": "wrong_answer",
    "SELECT name || char(0), age FROM person WHERE age > 20": "wrong_answer",
    "SELECT name || char(8203), age FROM person WHERE age > 20": "wrong_answer",
    "SELECT CAST(x'ff' AS TEXT), age FROM person WHERE age > 20": "wrong_answer",
    "SELECT name, 9e999 FROM person WHERE age > 20": "wrong_answer",
    f"{RIGHT} AND 0": "wrong_answer",
    f"```sql\n{RIGHT};\n-- or\n{RIGHT};\n```": "wrong_answer",
    "PRAGMA table_info(person)": "wrong_answer",
    "INSERT INTO sqlite_master SELECT * FROM sqlite_master": "wrong_answer",
    "DELETE FROM person WHERE age < 20 RETURNING name, age": "wrong_answer",
    "CREATE TEMP TABLE person AS SELECT 'Ann', 31": "wrong_answer",
    "SELECT nam FROM person": "exception",
    "UPDATE sqlite_master SET sql = ''": "exception",
    "SELECT " + "1, " * 3000 + "1": "exception",
    "SELECT ?": "exception",
    "SELECT abs(-9223372036854775807 - 1)": "exception",
    f"SELECT {'(' * 5000}1{')' * 5000}": "exception",
    "SELECT 1\0": "exception",
    "SELECT '\ud800'": "exception",
    f"{ENDLESS} count(*) FROM c": "time_out",
    f"{ENDLESS} x FROM c": "limit",
    "SELECT hex(zeroblob(900000)), hex(zeroblob(400000))": "limit",
    "SELECT zeroblob(2000000000)": "limit",
    "SELECT printf('%.*c', 2000000000, 'x')": "limit|time_out",
    "ATTACH '/etc/passwd' AS other": "refused",
    "VACUUM INTO '/tmp/x'": "refused",
    "PRAGMA writable_schema = 1": "refused",
    "SELECT * FROM pragma_user_version": "refused",
    "SELECT load_extension('/lib/x86_64-linux-gnu/libc.so.6')": "refused",
    "SELECT readfile('/etc/passwd')": "exception",
}


def test_queries(tmp_path: Path) -> None:
    verdicts = put(written(tmp_path / "c.yaml", CHECK), *QUERIES)
    found = {query: verdict.outcome for query, verdict in verdicts.items()}
    assert {query: outcome for query, outcome in found.items() if outcome not in QUERIES[query].split("|")} == {}
    assert verdicts["SELECT 'Ann', 31 UNION ALL SELECT 'Bob', 40"].detail == "dataset 2: 2 rows, not 1"
    assert verdicts["SELECT age, name FROM person WHERE age > 20"].detail == (
        "dataset 1: the row (31, 'Ann') is not expected"
    )


def test_order_and_columns_count_where_the_check_says_so(tmp_path: Path) -> None:
    more = {"ordered": True, "columns": ["name", "years"], "reference": "SELECT name, age FROM person ORDER BY age"}
    rows = [{"rows": {"person": PEOPLE}}]
    check = written(tmp_path / "c.yaml", {**CHECK, **more, "datasets": rows})
    right = "SELECT name, age AS Years FROM person ORDER BY age"
    verdicts = put(check, right, right + " DESC", "SELECT name, age FROM person ORDER BY age")
    assert list(verdicts.values()) == [
        PASS,
        Verdict("wrong_answer", "dataset 1: the row ('Bob', 40) is not expected"),
        Verdict("wrong_answer", "dataset 1: the columns are ['name', 'age'], not ['name', 'years']"),
    ]


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_changes(sandbox: str, tmp_path: Path) -> None:
    needs(sandbox)
    change = {
        "datasets": [{"rows": {"person": PEOPLE}}],
        "reference": "UPDATE person SET age = age + 1 WHERE name = 'Ann'",
        "after": "SELECT name, age FROM person",
    }
    check = written(tmp_path / "c.yaml", {**CHECK, **change})
    right = "UPDATE person SET age = 32 WHERE age = 31;"
    answers = {
        right: PASS,
        f"BEGIN; {right} COMMIT;": PASS,
        f"BEGIN; {right}": Verdict("wrong_answer", "dataset 1: the row ('Ann', 31) is not expected"),
        "UPDATE person SET age = 32": Verdict("wrong_answer", "dataset 1: the row ('Bob', 32) is not expected"),
        "SELECT 1": Verdict("wrong_answer", "dataset 1: the row ('Ann', 31) is not expected"),
        "DROP TABLE person": Verdict("wrong_answer", "dataset 1: afterwards: no such table: person"),
        "CREATE TEMP VIEW person AS SELECT 'Ann' AS name, 32 AS age": Verdict(
            "wrong_answer", "dataset 1: it may not CREATE TEMP VIEW"
        ),
        "DROP TABLE person; CREATE VIEW person AS WITH RECURSIVE c(name) AS (SELECT 1 UNION ALL SELECT name + 1 FROM c)"
        " SELECT count(*) AS name, 1 AS age FROM c": Verdict(
            "time_out", "dataset 1: the limit on CPU time was reached"
        ),
        f"{right} PRAGMA user_version = 1": Verdict("refused", "dataset 1: PRAGMA"),
        f"PRAGMA foreign_keys = ON; {right}": PASS,
        f"{right} UPDATE sqlite_master SET name = 'x'": Verdict(
            "exception", "dataset 1: table sqlite_master may not be modified"
        ),
    }
    assert put(check, *answers, sandbox=sandbox) == answers
