"""SQLite's write-ahead log, and what of it is on the disk.

With `synchronous = NORMAL` a transaction is in the system's hands when it is committed, and on the disk when the log
is: SQLite waits for that only before it moves the log's content into the file. One such wait serves all transactions
before it, so a run pays for a few hundred waits a second at most, however many answers come.
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
        """Return when every transaction so far is on the disk. It waits in a thread; others that wait share it.

        Raises:
            TeacherError: The disk reports an error.
        """
        wanted = self._written
        while self._synced < wanted:
            if self._syncing is None:
                self._syncing = asyncio.create_task(self._sync_in_thread())
            # The wait under way may have begun too early; and it goes on for the others if this caller is cancelled.
            await asyncio.shield(self._syncing)

    async def _sync_in_thread(self) -> None:
        written = self._written
        try:
            await asyncio.to_thread(self.sync)
            self._synced = written
        finally:
            self._syncing = None

    def sync(self) -> None:
        """Put the log on the disk, and wait for that.

        Raises:
            TeacherError: The disk reports an error.
        """
        try:
            with open(f"{self._ledger}-wal", "rb+") as log:
                os.fsync(log.fileno())
        except OSError as error:
            raise TeacherError(f"{self._ledger}: the disk reports an error ({error.strerror}), so the last answers may "
                               "be lost; check the disk and run the same command again") from None  # fmt: skip
