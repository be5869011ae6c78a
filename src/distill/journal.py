"""Writing to the ledger from many calls at once: what comes together is committed together, and awaited by each."""

import asyncio
import sqlite3

from distill.errors import TeacherError
from distill.ledger import Call, Ledger, Op, received
from distill.ledger_file import drop_ballast, spool_of
from distill.spool import Spool


class Journal:
    """The one writer of a ledger within an event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.full = False
        self._spool = Spool(spool_of(ledger.path))
        self._waiting: list[tuple[list[Op], asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def write(self, *ops: Op) -> None:
        """Return when `ops` are on disk.

        Raises:
            sqlite3.Error, TeacherError: They cannot be written.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((list(ops), future))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        # A caller that is cancelled must not take the others' writing with it.
        await asyncio.shield(future)

    def close(self) -> None:
        """Let go of the spool's file; nothing is being written any more."""
        self._spool.close()

    async def keep(self, call: Call, raw: bytes) -> None:
        """Return when a response is on disk; it outlives the process from the moment of the call."""
        self._spool.put(call.id, call.key, raw)
        await self.write(received(call.id, raw))
        self._spool.committed()

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error = await asyncio.to_thread(self._commit, [op for ops, _ in batch for op in ops])
            for _, future in batch:
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)
        self._flushing = None

    def _commit(self, ops: list[Op]) -> Exception | None:
        try:
            self.ledger.apply(ops)
        except sqlite3.OperationalError as error:
            # The disk is full: what was paid for goes where the ballast was, and nothing more is sent.
            self.full = True
            return self._again(ops, error)
        except Exception as error:
            return self._told(error)
        return None

    def _again(self, ops: list[Op], full: sqlite3.Error) -> Exception | None:
        try:
            if not drop_ballast(self.ledger.path):
                return full
            self.ledger.apply(ops)
        except Exception as error:
            return self._told(error)
        return None

    def _told(self, error: Exception) -> Exception:
        """The error that the writers get; one that went past them would leave them waiting for ever."""
        if isinstance(error, sqlite3.Error):
            return error
        why = f"{type(error).__name__}: {error}"
        return TeacherError(f"{self.ledger.path}: the ledger cannot take what is to be written ({why}); this is a "
                            "fault of the program, please report it")  # fmt: skip

    def check_room(self) -> None:
        """Raise TeacherError if the disk was found full: nothing must be sent whose answer might not be kept."""
        if self.full:
            raise TeacherError(f"{self.ledger.path}: the disk is full; every answer that came is kept; free some space "
                               "and run the same command again")  # fmt: skip
