"""Where the ledger is, and how it is opened: by one collector at a time, with space on the disk, and not corrupt.

No file is thrown away: a corrupt ledger is renamed, and its readable rows are copied (`rescue`).
"""

import contextlib
import errno
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from distill.api.ledger import ballast
from distill.api.ledger.ledger import Ledger
from distill.api.ledger.salvage import rescue
from distill.common.errors import TeacherError
from distill.shared.workspace import kept


def location() -> Path:
    """Return the ledger's place: DISTILL_LEDGER, else .distill/ledger.sqlite in the main repository."""
    if place := os.environ.get("DISTILL_LEDGER"):
        return Path(place).absolute()
    return kept("ledger.sqlite")


@contextlib.contextmanager
def hold(path: Path) -> Iterator[Ledger]:
    """Open the ledger at `path` for this process alone, and recover what a killed process left in flight.

    Raises:
        TeacherError: Another process holds it, the disk is full, or the file cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path), readable(path):
        ballast.take(path)
        rescue(path)
        ledger = Ledger(path)
        try:
            ledger.recover()
            yield ledger
        finally:
            ledger.close()
            ballast.drop(path)


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about a file into one line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None
        raise TeacherError(f"{path}: the ledger cannot be used ({error}); check its disk and permissions") from None
    except sqlite3.DatabaseError as error:
        raise TeacherError(f"{path}: the ledger is corrupt ({error}); the next `python -m distill.collect` (or "
                           "`dvc repro`) sets it aside and rebuilds it") from None  # fmt: skip


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    # The system releases the lock when its holder dies, however it dies.
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
