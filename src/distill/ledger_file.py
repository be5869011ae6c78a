"""Where the ledger lies, and how it is opened: one collector at a time, room on the disk, and nothing corrupt.

What it will not do: throw a file away. A corrupt ledger is renamed, and what can be read of it is copied (`rescue`).
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

from distill.errors import TeacherError
from distill.ledger import Ledger, arrived, parsed, stray
from distill.rescue import rescue, tell, untold
from distill.spool import left

DEFAULT = Path(".distill/ledger.sqlite")
# Room that is set aside beside the ledger before anything is sent: a disk that fills up during a run still takes the
# answers that are in flight.
BALLAST_BYTES = 8_000_000


@dataclass(frozen=True)
class Opened:
    """A ledger that is held by this process; `rescued`: the corrupt file before it, unless this command said so."""

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
        rescue(path)
        ledger = Ledger(path)
        try:
            _settle(ledger)
            with _told_once(ledger) as rescued:
                yield Opened(ledger, rescued)
        finally:
            ledger.close()
            drop_ballast(path)
            if not _size(spool_of(path)):
                spool_of(path).unlink(missing_ok=True)


@contextlib.contextmanager
def _told_once(ledger: Ledger) -> Iterator[str | None]:
    """Yield the corrupt file before `ledger` to each command until it ended well, or named that file in its error.

    So `make estimate` between a collection and the next does not take the latter's one stop away.
    """
    command = Path(sys.argv[0]).stem
    rescued = untold(ledger, command)
    try:
        yield rescued
    except TeacherError as error:
        if rescued and rescued in str(error):
            tell(ledger, rescued, command)
        raise
    if rescued:
        tell(ledger, rescued, command)


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
        raise TeacherError(f"{path}: the ledger is corrupt ({error}); the next `python -m distill.collect` (or "
                           "`dvc repro`) sets it aside and rebuilds it") from None  # fmt: skip


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


def _settle(ledger: Ledger) -> None:
    """Take over and parse what a killed run left, and mark what it left in flight as lost (batches go on)."""
    spool = spool_of(ledger.path)
    for call, key, raw in left(spool):
        ledger.apply([arrived(call, key, raw), stray(call, key, raw)])
        ledger.number_from(call)
    spool.unlink(missing_ok=True)
    ledger.apply([parsed(call, raw, via)[0] for call, via, raw in ledger.unparsed()])
    ledger.apply(
        [("UPDATE calls SET state = 'lost', error = 'the run ended' WHERE state = 'sent' AND via = 'online'", ())]
    )
