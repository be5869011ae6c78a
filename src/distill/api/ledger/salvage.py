"""A corrupt ledger: it is set aside, and its readable rows are copied into a new one that takes its place.

The copy is made next to the ledger and renamed when it is complete, so that a kill at any point leaves either the
corrupt ledger or the rebuilt one. While the corrupt file is there, no missing answer is paid for: first, somebody has
to look for a backup and move the file away. No file is thrown away.
"""

import contextlib
import glob
import os
import sqlite3
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from distill.api.ledger.ledger import Ledger
from distill.api.ledger.pages import records
from distill.api.ledger.schema import BATCH_COLUMNS, COLUMNS, STATES, VERSION, is_batch, is_call
from distill.common.errors import InputError
from distill.common.jsonl import Row

WITH_ITS_LOG = ("-wal", "-shm", "")


def rescue(path: Path) -> None:
    """Rebuild the ledger at `path` if it is corrupt, or if a run was killed while it was being rebuilt."""
    if not _rebuilt(path).exists() and _is_corrupt(path):
        _salvage(path)
        os.rename(_rebuilding(path), _rebuilt(path))
    if _rebuilt(path).exists():
        _install(path)


def set_aside(path: Path) -> Path | None:
    """Return the path of the last corrupt ledger that was set aside from `path`, None if it was moved away."""
    found = path.parent.glob(f"{glob.escape(path.name)}.corrupt-*")
    return max((file for file in found if not file.name.endswith(("-wal", "-shm"))), default=None)


def _is_corrupt(path: Path) -> bool:
    """Whether the file is no sound database. One written by a newer version of this program is an error."""
    if not path.exists() or path.stat().st_size == 0:
        return False
    # Read-only: closing a writable connection would delete the log, of which SQLite may not have read all.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=60, isolation_level=None)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise InputError(f"{path}: the ledger was written by a newer version of this program; update the program")
        sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('calls', 'batches')").fetchone()
        return not sound or (tables[0] != 2 and version != 0)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return True
    finally:
        connection.close()


def _salvage(path: Path) -> None:
    """Copy every readable batch and call into a new file.

    The pages are read one by one, because SQLite itself stops at a lost page that leads to others. A call whose
    response is damaged is copied as well: it was billed, and its checksum keeps it from being served.
    """
    aside = _aside(path)
    print(f"{path}: the ledger is corrupt; it is kept as {aside}, and rebuilt from what can be read and from committed "
          "data", file=sys.stderr)  # fmt: skip
    for suffix in WITH_ITS_LOG:
        Path(f"{_rebuilding(path)}{suffix}").unlink(missing_ok=True)
    ledger = Ledger(_rebuilding(path))
    try:
        for batch in _batches(path):
            ledger.add_batch(batch)
        ledger.restore(_calls(path))
        print(f"{path}: {sum(ledger.states().values())} calls rescued from {aside.name}", file=sys.stderr)
    finally:
        ledger.close()


def _install(path: Path) -> None:
    """Put the rebuilt ledger in place of the corrupt one, which is set aside; repeated after a kill, it continues."""
    aside = _aside(path)
    for suffix in WITH_ITS_LOG:
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    os.rename(_rebuilt(path), path)


def _aside(path: Path) -> Path:
    number = 1
    while (aside := Path(f"{path}.corrupt-{number}")).exists():
        number += 1
    return aside


def _rebuilding(path: Path) -> Path:
    return Path(f"{path}.rebuilding")


def _rebuilt(path: Path) -> Path:
    return Path(f"{path}.rebuilt")


def _batches(path: Path) -> Iterator[Row]:
    """Yield the readable batches, each in its last readable state."""
    rows = (row for row in _rows(path, BATCH_COLUMNS) if is_batch(row))
    yield from {row["id"]: row for row in sorted(rows, key=_batch_worth)}.values()


def _batch_worth(row: Row) -> int:
    return {"intent": 0, "created": 1}.get(row["state"], 2)


def _calls(path: Path) -> Iterator[Row]:
    """Yield the readable calls; a call comes again only in a better state."""
    best: dict[int, tuple[bool, int]] = {}
    for row in _rows(path, COLUMNS):
        if is_call(row) and (worth := _worth(row)) > best.get(row["id"], (False, -1)):
            best[row["id"]] = worth
            yield row


def _worth(row: Row) -> tuple[bool, int]:
    """Rank a call's states: one with a sound response is better, then one that comes later."""
    return row["response"] is not None and zlib.crc32(row["response"]) == row["crc"], STATES.index(row["state"])


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    """Yield as rows the records that have as many values as the table has columns."""
    for number, values in records(path):
        if len(values) == len(columns) + 1:
            yield dict(zip(("id", *columns), [number, *values[1:]], strict=True))
