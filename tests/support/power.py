"""What a power failure would leave of a ledger."""

import contextlib
import os
import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any


class Disk:
    """Stands in for `os.fsync`: keeps the ledger's files as they were when its log was last put on the disk."""

    def __init__(self, ledger: Path, folder: Path) -> None:
        self.syncs = 0
        self._copying = threading.Lock()  # `fsync` is called in threads
        self._ledger = ledger
        self._left = folder / "left.sqlite"

    def fsync(self, file: int) -> None:
        """Copy the files, if it is the log's turn."""
        log = Path(f"{self._ledger}-wal")
        if not log.exists() or os.fstat(file).st_ino != log.stat().st_ino:
            return
        with self._copying:
            for suffix in ("", "-wal"):
                shutil.copy(f"{self._ledger}{suffix}", f"{self._left}{suffix}")
            self.syncs += 1

    def query(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Ask what was left."""
        with self._copying, contextlib.closing(sqlite3.connect(self._left)) as connection:
            return connection.execute(sql, arguments).fetchall()
