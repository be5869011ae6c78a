"""The kind `sql`: a query for SQLite, or statements that change a database, on rows that are given.

    kind: sql
    tables: CREATE TABLE person (name TEXT, age INTEGER);
    datasets:                    # several, so that no query passes that has the result written into it
      - rows: {person: [[Ann, 31], [Bob, 28]]}
        expected: [[Ann]]
      - rows: INSERT INTO person VALUES ('Cem', 40), ('Eve', 12);
        expected: [[Cem]]
    ordered: true                # whether the order of rows counts; false if it is left out
    columns: [name]              # optional: the columns' names

`reference: SELECT …`, a query that is right, may stand instead of every `expected`. With `after: SELECT …` the answer
changes the database, and the result of this query is what is compared.

A number equals a number of the same value, whether integer or not (to 9 digits, if one is not), and never a text.
The answer's SQL runs inside a sandbox, each dataset in one of its own; what is expected stays outside, and is compared
there.
"""

import functools
import json
import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from distill.common.config import Model, Strings, parse
from distill.common.errors import InputError
from distill.sandbox import programs
from distill.sandbox.conversation import Over, Sandbox, Verdict, ran
from distill.sandbox.inside import query
from distill.sandbox.inside.query import Failed, Result, Value
from distill.sandbox.kinds import parts
from distill.sandbox.programs import Program
from distill.shared.code_blocks import SQL, blocks


def _value(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str | None):
        raise ValueError("a value of SQLite is needed; write 1 or 0 for a truth, and quote dates")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"{value} does not fit into an integer of SQLite")
    return value


def _rows(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not all(isinstance(lines, list) for lines in value.values()):
        raise ValueError("SQL is needed, or by table a list of rows")
    for table, lines in value.items():
        for number, line in enumerate(lines):
            if not isinstance(line, list | dict):
                raise ValueError(f"{table}.{number}: a row is a list of values, or a mapping by column")
            for one in line.values() if isinstance(line, dict) else line:
                _value(one)
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Cell = Annotated[Any, BeforeValidator(_value)]
Line = Annotated[tuple[Cell, ...], BeforeValidator(_tuple)]
Lines = Annotated[tuple[Line, ...], BeforeValidator(_tuple)]


class Dataset(Model):
    """Rows by table, or SQL that makes them, and the result for them."""

    rows: Annotated[Any, BeforeValidator(_rows)]
    expected: Lines | None = None


class SqlFile(Model):
    """A file of the kind `sql`."""

    kind: Literal["sql"]
    tables: str
    datasets: Annotated[tuple[Dataset, ...], BeforeValidator(_tuple), Field(min_length=1)]
    reference: str | None = None
    ordered: bool = False
    columns: Strings | None = None
    after: str | None = None

    @model_validator(mode="after")
    def _expect_once(self) -> "SqlFile":
        for number, dataset in enumerate(self.datasets):
            if dataset.expected is None and self.reference is None:
                raise ValueError(f"datasets.{number}.expected: missing; write it, or one `reference` for all")
            if dataset.expected is not None and self.reference is not None:
                raise ValueError(f"datasets.{number}.expected: there is a `reference`; delete one of them")
        return self


@dataclass(frozen=True)
class SqlCheck:
    """What a file says, and for each dataset the rows that are expected."""

    file: SqlFile
    expected: tuple[Sequence[tuple[Value, ...]], ...]

    def prepare(self, answer: str, whole: bool) -> str | Verdict:
        """Return the SQL of an answer: its first block of it, or all of an answer that has no block."""
        found = parts.block(answer, *SQL) if blocks(answer) else answer
        if found is None or not found.strip():
            return Verdict("no_code", "the answer has no SQL block")
        return found

    def judge(self, prepared: str, sandbox: Sandbox, stop: Event) -> Verdict:
        """Run it on one dataset after the other, to the first where it fails; see `checks.Check`."""
        for number, (dataset, expected) in enumerate(zip(self.file.datasets, self.expected, strict=True), start=1):
            job = {"tables": self.file.tables, "rows": dataset.rows, "answer": prepared, "after": self.file.after}
            found = _ran(job, sandbox, stop)
            verdict = found if isinstance(found, Verdict) else self._compared(found, expected)
            if verdict.outcome != "pass":
                return Verdict.of(verdict.outcome, f"dataset {number}: {verdict.detail}")
        return Verdict("pass", "")

    def is_passed_by_doing_nothing(self) -> bool:
        """Tell whether the query `after` gives what is expected if the database is left as it is."""
        try:
            found = [query.run(self.file.tables, one.rows, "", self.file.after) for one in self.file.datasets]
        except Failed:  # it looks at a table that the answer is to make
            return False
        return all(self._compared(*pair).outcome == "pass" for pair in zip(found, self.expected, strict=True))

    def _compared(self, found: Result, expected: Sequence[tuple[Value, ...]]) -> Verdict:
        names = [name.casefold() for name in found.columns]
        if self.file.columns is not None and names != [name.casefold() for name in self.file.columns]:
            return Verdict.of("wrong_answer", f"the columns are {found.columns}, not {list(self.file.columns)}")
        if len(found.rows) != len(expected):
            return Verdict.of("wrong_answer", f"{len(found.rows)} rows, not {len(expected)}")
        pairs = zip(found.rows, expected, strict=True)
        if self.file.ordered:
            wrong = next((one for one, wanted in pairs if not _equal(one, wanted)), None)
        else:
            wrong = _without_partner(found.rows, expected)
        return Verdict("pass", "") if wrong is None else Verdict.of("wrong_answer", f"the row {wrong} is not expected")


def _equal(one: Sequence[Value], other: Sequence[Value]) -> bool:
    return len(one) == len(other) and all(map(_same, one, other))


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        floats = isinstance(one, float) or isinstance(other, float)
        return one == other or (floats and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12))
    return type(one) is type(other) and one == other


def _without_partner(rows: Sequence[tuple[Value, ...]], expected: Sequence[tuple[Value, ...]]) -> Any:
    """Return the first row that has no partner of its own among those expected, or None."""
    left = Counter(map(_key, expected))
    rest = [row for row in rows if not _taken(left, _key(row))]
    waiting = [row for row in expected if _taken(left, _key(row))]
    for row in rest:
        partner = next((number for number, other in enumerate(waiting) if _equal(row, other)), None)
        if partner is None:
            return row
        del waiting[partner]
    return None


def _key(row: Sequence[Value]) -> tuple[tuple[bool, Value], ...]:
    return tuple((isinstance(value, int | float), value) for value in row)


def _taken(left: Counter[Any], key: Any) -> bool:
    left[key] -= 1
    return left[key] >= 0


def _ran(job: dict[str, Any], sandbox: Sandbox, stop: Event) -> Result | Verdict:
    try:
        said = json.loads(ran(sandbox, program(), job, stop).output)
    except Over as over:
        return over.verdict
    except ValueError:
        return Verdict.of("limit", "the program ended before it reported")
    if "outcome" in said:
        return Verdict.of(said["outcome"], said["detail"])
    return Result(said["columns"], [tuple(map(_read, row)) for row in said["rows"]])


def _read(value: Any) -> Value:
    found: Value = bytes.fromhex(value["blob"]) if isinstance(value, dict) else value
    return found


@functools.cache
def program() -> Program:
    """Return the program that runs SQL."""
    return programs.made("distill.sandbox.inside.query")


def read(value: Any, path: Path) -> SqlCheck:
    """Return the check that a file's value is; the reference is run, to know what is expected.

    Raises:
        InputError: The file is wrong, or its SQL does not work.
    """
    file = parse(SqlFile, value, str(path))
    expected = [_expected(file, dataset, f"{path}: datasets.{number}") for number, dataset in enumerate(file.datasets)]
    if not any(expected):
        raise InputError(f"{path}: no dataset has a row in its result, so that many a wrong query would pass; add one")
    check = SqlCheck(file, tuple(expected))
    if file.after is not None and check.is_passed_by_doing_nothing():
        raise InputError(f"{path}: after: its result is the same before anything is done; ask for what changes")
    return check


def _expected(file: SqlFile, dataset: Dataset, place: str) -> Sequence[tuple[Value, ...]]:
    """Return the rows that are expected for a dataset."""
    try:
        query.run(file.tables, dataset.rows, "SELECT 1", None)
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        raise InputError(f"{place}.rows: {error}; fix the rows, or `tables`") from None
    if file.reference is None:
        return dataset.expected or ()
    try:
        return query.run(file.tables, dataset.rows, file.reference, file.after).rows
    except Failed as error:
        raise InputError(f"{place}: reference: {error.args[1]}; fix the query, or `after`") from None
