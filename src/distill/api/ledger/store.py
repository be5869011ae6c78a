"""Writing to the ledger: everything that is recorded about calls and batches.

Each writing method is one transaction. After it returns, a kill of the process cannot undo it, but a power failure can,
until `on_disk` has returned, which is awaited between recording a response and parsing it. Methods that record a
batch's name wait for the disk themselves: a forgotten batch would be paid for twice.
"""

import contextlib
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from distill.api.ledger import ballast
from distill.api.ledger.log import Log
from distill.api.ledger.schema import BATCH_COLUMNS, COLUMNS, SCHEMA, VERSION, Call
from distill.api.response import COUNTS, Answer, Unreadable, parse
from distill.common.errors import TeacherError
from distill.common.jsonl import Row

CHUNK = 500  # rows that are added in one transaction
Op = tuple[str, Sequence[Any]]


class Store:
    """An open ledger, used by one thread; `full`: the disk was found full."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.full = False
        self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._grouped: list[Op] | None = None  # writes within `together`
        self._log = Log(path)
        if self._connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            self._connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        self._last_id = self._number("SELECT coalesce(max(id), 0) FROM calls")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    async def on_disk(self) -> None:
        """Return once everything recorded so far would survive a power failure, which takes some milliseconds.

        Raises:
            TeacherError: The disk reports an error.
        """
        await self._log.on_disk()

    def check_room(self) -> None:
        """Raise TeacherError if the disk was found full: no call may be sent whose answer might not fit."""
        if self.full:
            raise TeacherError(f"{self.path}: the disk is full; every answer that came is kept; free some space and "
                               "run the same command again")  # fmt: skip

    def record_sent(self, call: Call) -> None:
        """Record that a call is about to be sent."""
        self._write(_sent(call))

    def record_received(self, call: int, raw: bytes) -> None:
        """Record a response, unparsed."""
        sql = "UPDATE calls SET state = 'received', response = ?, crc = ? WHERE id = ?"
        self._write((sql, (raw, zlib.crc32(raw), call)))

    def record_parsed(self, call: int, raw: bytes, via: str) -> Answer | None:
        """Parse a recorded response; return the answer, or None if it is not one."""
        try:
            answer = parse(raw, via == "batch")
        except Unreadable as error:
            self._write(("UPDATE calls SET state = 'unreadable', error = ? WHERE id = ?", (str(error)[:300], call)))
            return None
        columns = ", ".join(f"{name} = ?" for name in COUNTS)
        sql = f"UPDATE calls SET state = 'paid', stop_reason = ?, {columns} WHERE id = ?"  # noqa: S608 (constants)
        self._write((sql, (answer.stop_reason, *(getattr(answer.usage, name) for name in COUNTS), call)))
        return answer

    def record_ended(self, call: int, state: str, error: str) -> None:
        """Record that a call ended without a response: `failed` (not billed) or `lost` (perhaps billed)."""
        self._write(_ended(call, state, error))

    def recover(self) -> None:
        """Parse the responses that a killed run did not, and mark its calls in flight as lost (but not its batches)."""
        for call, via, raw in self.query("SELECT id, via, response FROM calls WHERE state = 'received'"):
            self.record_parsed(call, raw, via)
        self._write(
            ("UPDATE calls SET state = 'lost', error = 'the run ended' WHERE state = 'sent' AND via = 'online'", ())
        )

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of everything that is written within; there must be no await within."""
        self._grouped = []
        try:
            yield
            ops = self._grouped
        finally:
            self._grouped = None
        self._write(*ops)

    def _write(self, *ops: Op) -> None:
        """Do all of `ops` or none. On a full disk, use the space of the ballast, and set `full`.

        Raises:
            sqlite3.Error, TeacherError: They cannot be written.
        """
        if self._grouped is not None:
            self._grouped += ops
            return
        try:
            self._commit(ops)
        except sqlite3.OperationalError:
            self.full = True
            if not ballast.drop(self.path):
                raise
            self._commit(ops)
        self._log.note_transaction()

    def _commit(self, ops: Sequence[Op]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for sql, arguments in ops:
                self._connection.execute(sql, arguments)
            self._connection.execute("COMMIT")
        except (UnicodeError, OverflowError) as error:
            self._roll_back()
            why = f"{type(error).__name__}: {error}"
            raise TeacherError(f"{self.path}: a row cannot be written to the ledger ({why}); this is a fault of the "
                               "program, please report it") from None  # fmt: skip
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def next_id(self) -> int:
        """Return an unused number for a call; a ledger has one collector at a time."""
        self._last_id += 1
        return self._last_id

    def insert(self, rows: Iterable[Row]) -> int:
        """Add rows from elsewhere, with (some of) COLUMNS as keys; return how many."""
        count = 0
        for part in _parts(rows):
            self._write(*(_insert(self.next_id(), row) for row in part))
            count += len(part)
        return count

    def restore(self, rows: Iterable[Row]) -> None:
        """Add rows of this ledger, which keep their numbers; a later row replaces an earlier one with its number."""
        for part in _parts(rows):
            self._write(*(_insert(row["id"], row, "INSERT OR REPLACE") for row in part))
            self._last_id = max(self._last_id, *(row["id"] for row in part))

    def add_batch(self, batch: Row, calls: Iterable[Call] = ()) -> None:
        """Record a batch, with `id` (from `next_batch`, or an unused one) and BATCH_COLUMNS, and its calls.

        It is on disk when this returns: a forgotten batch would be paid for twice.
        """
        self._write(_new_batch(batch), *map(_sent, calls))
        self._log.sync()

    def record_try(self, batch: int, created: float) -> None:
        """Record that a batch is about to be created, perhaps again."""
        self._write(("UPDATE batches SET created = ? WHERE id = ?", (created, batch)))
        self._log.sync()

    def record_created(self, batch: int, remote: str) -> None:
        """Record that a batch exists, with its name at the API."""
        self._write(("UPDATE batches SET remote = ?, state = 'created' WHERE id = ?", (remote, batch)))
        self._log.sync()

    def close_batch(self, batch: int, state: str, call_state: str, error: str) -> list[Decimal]:
        """Record the end of a batch, and of its calls that are still open; return the worst cases of these."""
        calls = list(self.batch_calls(batch).values())
        self._write(*(_ended(call, call_state, error) for call, _ in calls),
                    ("UPDATE batches SET state = ? WHERE id = ?", (state, batch)))  # fmt: skip
        return [worst for _, worst in calls]

    def disown_batch(self, batch: Row) -> None:
        """Record that the adopted batch is somebody else's, and make `batch` an intent again."""
        foreign = batch | {"id": self.next_batch(), "nonce": "", "state": "foreign", "requests": 0}
        self._write(
            _new_batch(foreign), ("UPDATE batches SET remote = NULL, state = 'intent' WHERE id = ?", (batch["id"],))
        )

    def batch_calls(self, batch: int) -> dict[str, tuple[int, Decimal]]:
        """Return the open calls of a batch: number and worst case by key."""
        rows = self._connection.execute(
            "SELECT key, id, worst_usd FROM calls WHERE batch = ? AND state = 'sent'", (batch,)
        )
        return {key: (call, Decimal(worst)) for key, call, worst in rows}

    def next_batch(self) -> int:
        """Return an unused number for a batch."""
        return self._number("SELECT coalesce(max(id), 0) + 1 FROM batches")

    def _number(self, sql: str) -> int:
        return int(self._connection.execute(sql).fetchone()[0])

    def query(self, sql: str) -> list[Any]:
        """Return the rows of a query."""
        return self._connection.execute(sql).fetchall()


def _sent(call: Call) -> Op:
    values = (call.id, call.key, call.via, call.model, call.server, call.day, call.max_tokens)
    return (
        "INSERT INTO calls (id, key, state, source, via, model, server, day, max_tokens, worst_usd, batch) "
        "VALUES (?, ?, 'sent', 'call', ?, ?, ?, ?, ?, ?, ?)",
        (*values, str(call.worst_usd), call.batch),
    )


def _ended(call: int, state: str, error: str) -> Op:
    return "UPDATE calls SET state = ?, error = ? WHERE id = ? AND state = 'sent'", (state, error[:300], call)


def _new_batch(batch: Row) -> Op:
    return ("INSERT INTO batches (id, nonce, remote, state, server, created, requests) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [batch[name] for name in ("id", *BATCH_COLUMNS)])  # fmt: skip


def _parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rest = iter(rows)
    while part := list(islice(rest, CHUNK)):
        yield part


def _insert(call: int, row: Row, verb: str = "INSERT") -> Op:
    names = [name for name in COLUMNS if row.get(name) is not None]
    values = [call, *(row[name] for name in names)]
    return f"{verb} INTO calls (id, {', '.join(names)}) VALUES ({', '.join('?' * len(values))})", values
