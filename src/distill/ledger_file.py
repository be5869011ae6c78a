"""Where the ledger lies, and how it is opened: one collector at a time, room on the disk, and nothing corrupt.

What it will not do: throw a file away. A corrupt ledger is renamed, and what can be read of it is copied over.
"""

import contextlib
import errno
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from distill.errors import InputError, TeacherError
from distill.jsonl import Row
from distill.ledger import BATCH_COLUMNS, COLUMNS, VERSION, Ledger, arrived, parsed
from distill.spool import left

DEFAULT = Path(".distill/ledger.sqlite")
# Room that is set aside beside the ledger before anything is sent: a disk that fills up during a run still takes the
# answers that are in flight.
BALLAST_BYTES = 8_000_000
CHUNK = 500


@dataclass(frozen=True)
class Opened:
    """A ledger that is held by this process; `rescued` is set if the file before it was corrupt."""

    ledger: Ledger
    rescued: str | None


def location() -> Path:
    """Return the ledger's place: DISTILL_LEDGER, else .distill/ledger.sqlite in the main repository.

    DVC_ROOT names the main repository also when DVC runs a stage in a copy of it (`dvc exp run --temp`, `--queue`).
    """
    if place := os.environ.get("DISTILL_LEDGER"):
        return Path(place).absolute()
    return root() / DEFAULT


def root() -> Path:
    """Return the main repository: DVC_ROOT, else the first directory upwards with a .dvc in it, else this one."""
    if place := os.environ.get("DVC_ROOT"):
        return Path(place).absolute()
    here = Path.cwd()
    return next((directory for directory in (here, *here.parents) if (directory / ".dvc").is_dir()), here)


@contextlib.contextmanager
def hold(path: Path) -> Iterator[Opened]:
    """Open the ledger at `path` for this process alone, made ready: no call of a dead process counts as in flight.

    Raises:
        TeacherError: Another process holds it, the disk is full, or the file cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path), readable(path):
        _take_ballast(path)
        rescued = _set_aside(path) if _is_corrupt(path) else None
        ledger = Ledger(path)
        try:
            if rescued:
                _salvage(rescued, ledger)
            _settle(ledger)
            yield Opened(ledger, str(rescued) if rescued else None)
        finally:
            ledger.close()
            drop_ballast(path)
            if not _size(spool_of(path)):
                spool_of(path).unlink(missing_ok=True)


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a file into one line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None
        raise TeacherError(f"{path}: the ledger cannot be used ({error}); check its disk and permissions") from None
    except sqlite3.DatabaseError as error:
        raise TeacherError(f"{path}: the ledger is corrupt ({error}); run the same command again: it will be set aside "
                           "and rebuilt") from None  # fmt: skip


def drop_ballast(path: Path) -> bool:
    """Give the room back that was set aside; return whether there was any."""
    try:
        _ballast(path).unlink()
    except FileNotFoundError:
        return False
    return True


def spool_of(path: Path) -> Path:
    """Return where responses are kept until they are committed to the ledger at `path`."""
    return Path(f"{path}.spool")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    # The system lets go of the lock when its holder dies, however it dies.
    lock = FileLock(f"{path}.lock", timeout=0)
    holder = Path(f"{path}.holder")
    try:
        lock.acquire()
    except Timeout:
        raise TeacherError(f"{path}: the ledger is in use by {_who(holder)}; wait until it has ended, or end it, and "
                           "run the same command again") from None  # fmt: skip
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "command": " ".join(sys.orig_argv)}), encoding="utf-8")
        yield
        holder.unlink(missing_ok=True)
    finally:
        lock.release()


def _who(holder: Path) -> str:
    try:
        told = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {told['pid']} ({told['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _ballast(path: Path) -> Path:
    return Path(f"{path}.ballast")


def _take_ballast(path: Path) -> None:
    with _ballast(path).open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
            except OSError as error:
                file.truncate(0)
                raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from None
        else:
            file.write(bytes(BALLAST_BYTES))


def _is_corrupt(path: Path) -> bool:
    """Whether there is a file that is not a sound database (a new version's is sound, and refused)."""
    if not path.exists() or path.stat().st_size == 0:
        return False
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
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


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := Path(f"{path}.corrupt-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    print(f"{path}: the ledger is corrupt; it is kept as {aside}, and rebuilt from what can be read and from committed "
          "data", file=sys.stderr)  # fmt: skip
    return aside


def _salvage(corrupt: Path, ledger: Ledger) -> None:
    """Copy every batch and every call that can still be read."""
    connection = sqlite3.connect(f"file:{corrupt}?mode=ro", uri=True, timeout=60)
    try:
        for batch in _readable_rows(connection, "batches", BATCH_COLUMNS):
            ledger.add_batch(batch)
        rows: list[Row] = []
        for row in _readable_rows(connection, "calls", COLUMNS):
            rows.append(row)
            if len(rows) >= CHUNK:
                ledger.add(rows)
                rows.clear()
        ledger.add(rows)
    finally:
        connection.close()
    print(f"{ledger.path}: {sum(ledger.states().values())} calls rescued from {corrupt.name}", file=sys.stderr)


def _readable_rows(connection: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> Iterator[Row]:
    """Yield the rows of a table one by one, stepping over what cannot be read."""
    last, misses = 0, 0
    names = ("id", *columns)
    sql = f"SELECT {', '.join(names)} FROM {table} WHERE id > ? ORDER BY id LIMIT 1"  # noqa: S608 (constants)
    while misses < CHUNK:
        try:
            values = connection.execute(sql, (last,)).fetchone()
        except sqlite3.DatabaseError:
            last, misses = last + 1, misses + 1
            continue
        if values is None:
            return
        last, misses = values[0], 0
        yield dict(zip(names, values, strict=True))


def _settle(ledger: Ledger) -> None:
    """Take over and parse what a killed run left, and mark what it left in flight as lost (batches go on)."""
    spool = spool_of(ledger.path)
    ledger.apply([arrived(call, key, raw) for call, key, raw in left(spool)])
    spool.unlink(missing_ok=True)
    ledger.apply([parsed(call, raw, via)[0] for call, via, raw in ledger.unparsed()])
    ledger.apply(
        [("UPDATE calls SET state = 'lost', error = 'the run ended' WHERE state = 'sent' AND via = 'online'", ())]
    )
