"""SQL is run in SQLite, in memory: an answer's inside the sandbox, a check's own reference where the check is read.

In: tables and rows, SQL that nobody vouches for, and a query that looks at what it left, if it may write. Out: the
columns and rows of a result, or why there is none. The result that is expected is not in here.

SQLite asks about everything that a statement does (`_Guard`). All may read, the schema too; where there is an `after`,
they may also change tables, but make none that hides another. Whatever reaches out of the database (ATTACH, most
PRAGMAs, extensions) is refused. The steps of SQLite's machine are limited, which are the same on every computer, and so
are the rows of a result.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from distill.sandbox.inside.opening import opened, speak, tell

STEPS = 50_000_000
ROWS = 100_000
_STEPS_AT_ONCE = 10_000
_LENGTH = 1_000_000
"""Bytes of one value, and of a statement."""
_READS = {"SQLITE_SELECT", "SQLITE_READ", "SQLITE_FUNCTION", "SQLITE_RECURSIVE"}
_WRITES = _READS | {
    "SQLITE_INSERT", "SQLITE_UPDATE", "SQLITE_DELETE", "SQLITE_TRANSACTION", "SQLITE_SAVEPOINT", "SQLITE_REINDEX",
    "SQLITE_ALTER_TABLE", "SQLITE_CREATE_TABLE", "SQLITE_CREATE_INDEX", "SQLITE_CREATE_VIEW", "SQLITE_CREATE_TRIGGER",
    "SQLITE_DROP_TABLE", "SQLITE_DROP_INDEX", "SQLITE_DROP_VIEW", "SQLITE_DROP_TRIGGER",
}  # fmt: skip
_OUTSIDE = {"SQLITE_ATTACH", "SQLITE_DETACH", "SQLITE_PRAGMA", "SQLITE_CREATE_VTABLE", "SQLITE_DROP_VTABLE"}
_PRAGMAS = {"foreign_key_list", "foreign_keys", "index_info", "index_list", "table_info", "table_list", "table_xinfo"}
_FUNCTIONS = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}
_NAMES = {
    getattr(sqlite3, name): name
    for name in dir(sqlite3)
    if name in _WRITES | _OUTSIDE or name.startswith(("SQLITE_CREATE_", "SQLITE_DROP_"))
}
_SYNTAX = ("syntax error", "incomplete input", "unrecognized token")
Value = int | float | str | bytes | None
Rows = str | dict[str, list[list[Value] | dict[str, Value]]]
"""SQL that makes them, or by table a list of rows, each a list or a mapping by column."""


class Failed(Exception):
    """There is no result: an outcome and a detail."""


@dataclass
class Result:
    """What a query gave: the names of its columns, and its rows in order."""

    columns: list[str]
    rows: list[tuple[Value, ...]]


@dataclass
class _Guard:
    """Answers SQLite, and keeps what it denied."""

    allowed: set[str]
    denied: str | None = None

    def __call__(self, action: int, first: str | None, second: str | None, *_: object) -> int:
        name = _NAMES.get(action, f"action {action}")
        if self._allows(name, first, second):
            return sqlite3.SQLITE_OK
        self.denied = second if name == "SQLITE_FUNCTION" else name.removeprefix("SQLITE_").replace("_", " ")
        return sqlite3.SQLITE_DENY

    def _allows(self, name: str, first: str | None, second: str | None) -> bool:
        if name == "SQLITE_PRAGMA":
            return first in _PRAGMAS
        if name == "SQLITE_FUNCTION":
            return second not in _FUNCTIONS
        # So SQLite declares json_each and its like; it lets no statement update this table.
        return name in self.allowed or (name, first) == ("SQLITE_UPDATE", "sqlite_master")


def run(tables: str, rows: Rows, statements: str, after: str | None) -> Result:
    """Return the result of one query, or of the query `after` where the statements may write.

    Raises:
        Failed: They did something else, or something that is not allowed, or were not done in time.
        sqlite3.Error, sqlite3.Warning, ValueError: The tables or the rows are wrong.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.text_factory = lambda text: text.decode(errors="surrogateescape")
        _fill(connection, tables, rows)
        result = _answered(connection, statements, writes=after is not None)
        if after is None:
            return result
        if connection.in_transaction:  # what was not committed is not there
            connection.rollback()
        try:
            return _fetched(connection.execute(after))
        except sqlite3.Error as error:
            raise Failed("wrong_answer", f"afterwards: {error}") from None


def _fill(connection: sqlite3.Connection, tables: str, rows: Rows) -> None:
    connection.executescript(tables)
    if isinstance(rows, str):
        connection.executescript(rows)
        return
    for table, lines in rows.items():
        for line in lines:
            named = f" ({', '.join(map(_quoted, line))})" if isinstance(line, dict) else ""
            values = list(line.values()) if isinstance(line, dict) else line
            places = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO {_quoted(table)}{named} VALUES ({places})", values)  # noqa: S608 (quoted)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _answered(connection: sqlite3.Connection, statements: str, *, writes: bool) -> Result:
    guard, left = _Guard(_WRITES if writes else _READS), [STEPS // _STEPS_AT_ONCE]

    def tick() -> bool:
        left[0] -= 1
        return left[0] < 0

    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LENGTH)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, _LENGTH)
    connection.set_authorizer(guard)
    connection.set_progress_handler(tick, _STEPS_AT_ONCE)
    try:
        if writes:
            return _fetched(connection.executescript(statements))
        return _fetched(connection.execute(statements.rstrip("; \t\r\n")))
    except sqlite3.Warning as error:
        raise Failed("wrong_answer", str(error)) from None
    except (sqlite3.Error, ValueError, OverflowError) as error:
        raise _failure(error, guard, over=left[0] < 0) from None
    finally:
        connection.set_authorizer(None)
        connection.set_progress_handler(None, 0)


def _failure(error: Exception, guard: _Guard, *, over: bool) -> Failed:
    text = str(error)
    if guard.denied in {name.removeprefix("SQLITE_").replace("_", " ") for name in _OUTSIDE} | _FUNCTIONS:
        return Failed("refused", str(guard.denied))
    if guard.denied:
        return Failed("wrong_answer", f"it may not {guard.denied}")
    if over:
        return Failed("time_out", f"the query took more than {STEPS} steps")
    if "too big" in text or "out of memory" in text:
        return Failed("limit", text)
    if "one statement" in text:
        return Failed("wrong_answer", text)
    return Failed("syntax" if any(sign in text for sign in _SYNTAX) else "exception", text)


def _fetched(cursor: sqlite3.Cursor) -> Result:
    rows = cursor.fetchmany(ROWS + 1)
    if len(rows) > ROWS:
        raise Failed("limit", f"the result has more than {ROWS} rows")
    return Result([column[0] for column in cursor.description or []], rows)


def main() -> None:
    """Report the result, or why there is none."""
    job, *pipes = opened()
    speak(*pipes)
    try:
        result = run(job["tables"], job["rows"], job["answer"], job["after"])
        tell(columns=result.columns, rows=[[_told(value) for value in row] for row in result.rows])
    except Failed as failed:
        tell(outcome=failed.args[0], detail=failed.args[1][:1000])
    except MemoryError:
        tell(outcome="limit", detail="the memory limit was reached")


def _told(value: Value) -> Any:
    return {"blob": value.hex()} if isinstance(value, bytes) else value
