"""SQLite's write-ahead log, and when it is on disk.

With `synchronous = NORMAL`, a committed transaction is in the operating system's hands. It is on disk after an fsync of
the log, which SQLite makes only before it moves the log into the database. One fsync serves all transactions before
it, so a run makes at most a few hundred a second, however many answers come.
"""

import asyncio
import os
from pathlib import Path

from distill.common.errors import TeacherError


class Log:
    """The log of the ledger at `ledger`."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._written = self._synced = 0  # transactions
        self._syncing: asyncio.Task[None] | None = None

    def note_transaction(self) -> None:
        """A transaction has been committed."""
        self._written += 1

    async def on_disk(self) -> None:
        """Return once every transaction so far is on disk. The fsync runs in a thread, shared by all that wait for it.

        Raises:
            TeacherError: The disk reports an error.
        """
        wanted = self._written
        while self._synced < wanted:
            if self._syncing is None:
                self._syncing = asyncio.create_task(self._sync_in_thread())
            # The fsync under way may have begun too early. It continues for the others if this caller is cancelled.
            await asyncio.shield(self._syncing)

    async def _sync_in_thread(self) -> None:
        written = self._written
        try:
            await asyncio.to_thread(self.sync)
            self._synced = written
        finally:
            self._syncing = None

    def sync(self) -> None:
        """Bring the log to disk.

        Raises:
            TeacherError: The disk reports an error.
        """
        try:
            with open(f"{self._ledger}-wal", "rb+") as log:
                os.fsync(log.fileno())
        except OSError as error:
            raise TeacherError(f"{self._ledger}: the disk reports an error ({error.strerror}), so the last answers may "
                               "be lost; check the disk and run the same command again") from None  # fmt: skip
