"""The ledger: every call of the API that was sent, and every answer that was paid for, in one SQLite file.

    python -m distill.ledger                   what is there: calls, tokens and dollars by model and day, failures
    python -m distill.ledger export FILE       everything, as JSON Lines
    python -m distill.ledger import FILE       the paid answers of such a file that this ledger lacks

A call's row is written before it is sent. Its states: `sent`; then `received` (the raw response is on disk, not yet
parsed), then `paid` (an answer) or `unreadable` (billed, but not an answer); or `failed` (refused, not billed) or
`lost` (no response came: it may have been billed). Only `paid` rows are ever served. Rows from elsewhere have another
`source`: `hydrated` from committed data, `stub` (the usage of a superseded answer, its text is gone), `imported`.

What it will not do: delete anything.
"""

import re
import sqlite3
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from distill.answer import COUNTS, Answer, Unreadable, Usage, is_count, load, parse
from distill.jsonl import Row
from distill.pricing import FREE, Price

CHUNK = 500  # rows that are added in one transaction
VERSION = 1
SCHEMA = """
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL, source TEXT NOT NULL, via TEXT NOT NULL,
    model TEXT NOT NULL, server TEXT NOT NULL, day TEXT NOT NULL, max_tokens INTEGER NOT NULL, worst_usd TEXT NOT NULL,
    batch INTEGER, stop_reason TEXT, input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
    cache_creation_input_tokens INTEGER NOT NULL DEFAULT 0, cache_read_input_tokens INTEGER NOT NULL DEFAULT 0,
    error TEXT, crc INTEGER, response BLOB
);
CREATE INDEX calls_key ON calls (key);
CREATE INDEX calls_state ON calls (state) WHERE state != 'paid';
CREATE TABLE batches (
    id INTEGER PRIMARY KEY, nonce TEXT NOT NULL, remote TEXT, state TEXT NOT NULL, server TEXT NOT NULL,
    created REAL NOT NULL, requests INTEGER NOT NULL
);
"""
DOLLARS = re.compile(r"\d+(\.\d+)?(E[+-]?\d+)?")
COLUMNS = ("key", "state", "source", "via", "model", "server", "day", "max_tokens", "worst_usd", "batch",
           "stop_reason", *COUNTS, "error", "crc", "response")  # fmt: skip

TEXTS = ("key", "state", "source", "via", "model", "server", "day", "worst_usd")
NUMBERS = ("max_tokens", *COUNTS)
STATES = ("sent", "failed", "lost", "received", "unreadable", "paid")  # each further on than those before it

BATCH_COLUMNS = ("nonce", "remote", "state", "server", "created", "requests")

Op = tuple[str, Sequence[Any]]


@dataclass(frozen=True)
class Call:
    """A call that is about to be sent; `worst_usd` is the most it can cost, `via` is `online` or `batch`."""

    id: int
    key: str
    model: str
    server: str
    via: str
    max_tokens: int
    worst_usd: Decimal
    batch: int | None = None
    day: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())


@dataclass(frozen=True)
class Stored:
    """A paid answer as the ledger has it; a `stub` has usage and stop reason, but no text."""

    answer: Answer
    stub: bool


class Ledger:
    """An open ledger. Writing goes through `apply`, in one transaction that is on disk when it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._damaged: set[str] = set()
        self._writer = self._connect()
        if self._writer.execute("PRAGMA user_version").fetchone()[0] == 0:
            self._writer.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        # Reading has a connection of its own, so that it never waits for a commit.
        self._reader = self._connect()
        self._last_id = self._count("SELECT coalesce(max(id), 0) FROM calls")

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()

    def apply(self, ops: Sequence[Op]) -> None:
        """Do all of `ops` or none, durably."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for sql, arguments in ops:
                self._writer.execute(sql, arguments)
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def next_id(self) -> int:
        """Return a fresh number for a call; there is one collector at a time a ledger."""
        self._last_id += 1
        return self._last_id

    def add(self, rows: Iterable[Row]) -> int:
        """Add the answers from elsewhere that are lacking, some at a time; return how many.

        Each row has (some of) COLUMNS as keys. A text is lacking where there is a stub of it only.
        """
        count = 0
        for part in _parts(self._lacking(rows)):
            self.apply([_insert(self.next_id(), row) for row in part])
            count += len(part)
        return count

    def _lacking(self, rows: Iterable[Row]) -> Iterator[Row]:
        seen: set[tuple[str, str]] = set()  # prompts that read the same share a call
        for row in rows:
            name, stored = (row["key"], row["source"]), self.find(row["key"])
            if name not in seen and (stored is None or (stored.stub and row["source"] != "stub")):
                seen.add(name)
                yield row

    def restore(self, rows: Iterable[Row]) -> None:
        """Add rows of this ledger's own, which keep their numbers: responses that were spooled are matched by them.

        Of two rows with one number the later one stays.
        """
        for part in _parts(rows):
            self.apply([_insert(row["id"], row, "INSERT OR REPLACE") for row in part])
            self.number_from(max(row["id"] for row in part))

    def number_from(self, call: int) -> None:
        """Give calls to come numbers behind that of `call`."""
        self._last_id = max(self._last_id, call)

    def query(self, sql: str) -> list[Any]:
        """Return the rows that a query gives."""
        return self._reader.execute(sql).fetchall()

    def find(self, key: str) -> Stored | None:
        """Return the paid answer under `key`, or None; a text beats a stub, then the first one counts."""
        rows = self._reader.execute(
            f"SELECT source, via, crc, response, stop_reason, model, {', '.join(COUNTS)} "  # noqa: S608 (constants)
            "FROM calls WHERE key = ? AND state = 'paid' ORDER BY source = 'stub', id", (key,),
        )  # fmt: skip
        for source, via, crc, response, stop_reason, model, *counts in rows:
            batch = via == "batch"
            if source == "stub":
                return Stored(Answer("", model, stop_reason, Usage.of(counts, batch)), True)
            if zlib.crc32(response) == crc:
                return Stored(parse(response, batch), False)
            self._report_damage(key)
        return None

    def _report_damage(self, key: str) -> None:
        if key not in self._damaged:
            self._damaged.add(key)
            print(f"{self.path}: the answer under the key {key[:12]}… is damaged and not used (its checksum is another"
                  "); unless there is a copy, it is paid for again", file=sys.stderr)  # fmt: skip

    def unparsed(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield number, way and raw response of what a run that was killed had no time to parse."""
        yield from self._reader.execute("SELECT id, via, response FROM calls WHERE state = 'received'").fetchall()

    def spent(self, prices: dict[str, Price]) -> tuple[Decimal, Decimal]:
        """Return the dollars that this ledger's own calls cost, and those that are reserved for batches under way.

        A call of unknown outcome counts at its worst: it may have been billed.
        """
        cost = sum((prices.get(model, FREE).cost(usage) for _, model, _, usage in self.totals("call")), Decimal(0))
        return cost + self._worst("'lost', 'unreadable'"), self._worst("'sent', 'received'")

    def _worst(self, states: str) -> Decimal:
        rows = self._reader.execute(f"SELECT worst_usd FROM calls WHERE source = 'call' AND state IN ({states})")  # noqa: S608
        return sum((Decimal(worst) for (worst,) in rows), Decimal(0))

    def totals(self, source: str | None = None) -> Iterator[tuple[str, str, int, Usage]]:
        """Yield day, model, number of calls and usage of what was paid, by day, model and way."""
        sums = ", ".join(f"sum({name})" for name in COUNTS)
        for day, model, via, calls, *counts in self._reader.execute(
            f"SELECT day, model, via, count(*), {sums} FROM calls WHERE state = 'paid' "  # noqa: S608 (constants)
            "AND (?1 IS NULL OR source = ?1) GROUP BY day, model, via ORDER BY day, model, via", (source,),
        ):  # fmt: skip
            yield day, model, calls, Usage.of(counts, via == "batch")

    def states(self) -> dict[str, int]:
        """Return how many calls there are in each state."""
        return dict(self._reader.execute("SELECT state, count(*) FROM calls GROUP BY state ORDER BY state"))

    def errors(self) -> list[tuple[str, str, int]]:
        """Return state, error and number of what did not end as an answer, the most frequent first."""
        return self._reader.execute(
            "SELECT state, coalesce(error, ''), count(*) FROM calls WHERE state != 'paid' GROUP BY 1, 2 ORDER BY 3 DESC"
        ).fetchall()

    def mean_output(self, model: str, max_tokens: int) -> float | None:
        """Return how many tokens an answer of `model` with that cap has on average, or None if there is none.

        Committed answers count as well: these are a teacher's, whose cap is not known.
        """
        mean: float | None = self._reader.execute(
            "SELECT avg(output_tokens) FROM calls WHERE state = 'paid' AND model = ? "
            "AND (max_tokens = ? OR source = 'hydrated')", (model, max_tokens),
        ).fetchone()[0]  # fmt: skip
        return mean

    def rows(self) -> Iterator[Row]:
        """Yield every call as a JSON object; raw bytes that are not UTF-8 are kept as lone surrogates."""
        for values in self._reader.execute(f"SELECT {', '.join(COLUMNS)} FROM calls ORDER BY id"):  # noqa: S608
            row = dict(zip(COLUMNS, values, strict=True))
            if row["response"] is not None:
                row["response"] = row["response"].decode("utf-8", "surrogateescape")
            yield row

    def open_batches(self) -> list[Row]:
        """Return the batches that have not been collected yet, oldest first."""
        names = ("id", *BATCH_COLUMNS)
        sql = f"SELECT {', '.join(names)} FROM batches WHERE state IN ('intent', 'created') ORDER BY id"  # noqa: S608
        return [dict(zip(names, row, strict=True)) for row in self._reader.execute(sql)]

    def add_batch(self, batch: Row) -> None:
        """Write a batch down; its `id` is `next_batch()`, or one that is free."""
        self.apply([new_batch(batch)])

    def batch_calls(self, batch: int) -> dict[str, tuple[int, Decimal]]:
        """Return the calls of a batch that are still open: number and worst case by key."""
        rows = self._reader.execute("SELECT key, id, worst_usd FROM calls WHERE batch = ? AND state = 'sent'", (batch,))
        return {key: (call, Decimal(worst)) for key, call, worst in rows}

    def known_batches(self) -> set[str]:
        """Return the ids that the API gave to the batches of this ledger."""
        return {remote for (remote,) in self._reader.execute("SELECT remote FROM batches WHERE remote IS NOT NULL")}

    def next_batch(self) -> int:
        """Return a fresh number for a batch."""
        return self._count("SELECT coalesce(max(id), 0) + 1 FROM batches")

    def _count(self, sql: str) -> int:
        return int(self._writer.execute(sql).fetchone()[0])

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def sent(call: Call) -> Op:
    """The row of a call that is about to be sent."""
    values = (call.id, call.key, call.via, call.model, call.server, call.day, call.max_tokens)
    return (
        "INSERT INTO calls (id, key, state, source, via, model, server, day, max_tokens, worst_usd, batch) "
        "VALUES (?, ?, 'sent', 'call', ?, ?, ?, ?, ?, ?, ?)",
        (*values, str(call.worst_usd), call.batch),
    )


def new_batch(batch: Row) -> Op:
    """The row of a batch, with `id` and BATCH_COLUMNS."""
    return ("INSERT INTO batches (id, nonce, remote, state, server, created, requests) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [batch[name] for name in ("id", *BATCH_COLUMNS)])  # fmt: skip


def received(call: int, raw: bytes) -> Op:
    """A response came: keep it as it is."""
    return "UPDATE calls SET state = 'received', response = ?, crc = ? WHERE id = ?", (raw, zlib.crc32(raw), call)


def arrived(call: int, key: str, raw: bytes) -> Op:
    """A response came, and its run was killed before it was committed."""
    sql = "UPDATE calls SET state = 'received', response = ?, crc = ? WHERE id = ? AND key = ? AND state = 'sent'"
    return sql, (raw, zlib.crc32(raw), call, key)


def stray(call: int, key: str, raw: bytes) -> Op:
    """A response came to a call whose row is gone (the ledger was corrupt): it was paid for, and is kept."""
    sql = ("INSERT INTO calls (id, key, state, source, via, model, server, day, max_tokens, worst_usd, response, crc) "
           "SELECT ?1, ?2, 'received', 'call', 'online', ?3, 'unknown', ?4, 0, '0', ?5, ?6 "
           "WHERE NOT EXISTS (SELECT 1 FROM calls WHERE id = ?1)")  # fmt: skip
    try:
        model = str(load(raw).get("model"))
    except Unreadable:
        model = "unknown"
    return sql, (call, key, model, datetime.now(UTC).date().isoformat(), raw, zlib.crc32(raw))


def parsed(call: int, raw: bytes, via: str) -> tuple[Op, Answer | None]:
    """Parse a response that is already on disk: the answer, or None if there is none in it, and what to note."""
    try:
        answer = parse(raw, via == "batch")
    except Unreadable as error:
        return ("UPDATE calls SET state = 'unreadable', error = ? WHERE id = ?", (str(error)[:300], call)), None
    counts = [getattr(answer.usage, name) for name in COUNTS]
    columns = ", ".join(f"{name} = ?" for name in COUNTS)
    sql = f"UPDATE calls SET state = 'paid', stop_reason = ?, {columns} WHERE id = ?"  # noqa: S608 (constants)
    return (sql, (answer.stop_reason, *counts, call)), answer


def ended(call: int, state: str, error: str) -> Op:
    """A call ended without a response: `failed` (not billed) or `lost` (perhaps billed)."""
    return "UPDATE calls SET state = ?, error = ? WHERE id = ? AND state = 'sent'", (state, error[:300], call)


def is_call(row: Row) -> bool:
    """Whether a row has in each of COLUMNS what a call can have there."""
    return (all(isinstance(row[name], str) for name in TEXTS) and all(is_count(row[name]) for name in NUMBERS)
            and row["state"] in STATES and DOLLARS.fullmatch(row["worst_usd"]) is not None
            and isinstance(row["response"], bytes | None) and isinstance(row["crc"], int | None)
            and (row["state"] not in ("received", "paid") or row["source"] == "stub" or row["response"] is not None)
            )  # fmt: skip


def is_batch(row: Row) -> bool:
    """Whether a row has in each of BATCH_COLUMNS what a batch can have there."""
    return (all(isinstance(row[name], str) for name in ("nonce", "state", "server"))
            and isinstance(row["remote"], str | None) and isinstance(row["created"], int | float)
            and is_count(row["requests"]))  # fmt: skip


def _parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rest = iter(rows)
    while part := list(islice(rest, CHUNK)):
        yield part


def _insert(call: int, row: Row, verb: str = "INSERT") -> Op:
    names = [name for name in COLUMNS if row.get(name) is not None]
    values = [call, *(row[name] for name in names)]
    return f"{verb} INTO calls (id, {', '.join(names)}) VALUES ({', '.join('?' * len(values))})", values


def main() -> None:
    """Command line: `python -m distill.ledger`."""
    # The command line opens ledgers, and opening needs this module.
    from distill import ledger_cli

    ledger_cli.main(__doc__)


if __name__ == "__main__":
    from distill import cli

    cli.run(main)
