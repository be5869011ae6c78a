"""Responses on their way into the ledger: a file that takes each one the moment it comes, before it is committed.

A commit waits for the disk, and for the commit before it. What is written here at once, without waiting, outlives a
process that is killed meanwhile (not a machine that loses power: for that there is the commit). Each line is
`{"call", "key", "raw"}`; the file is emptied whenever everything in it has been committed.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path


class Spool:
    """The spool of one collection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._open = 0

    def put(self, call: int, key: str, raw: bytes) -> None:
        """Write a response down, at once."""
        line = json.dumps({"call": call, "key": key, "raw": raw.decode("utf-8", "surrogateescape")}) + "\n"
        self._open += 1
        # A disk that is full is noticed by the commit, which has room set aside.
        with contextlib.suppress(OSError):
            if self._file is None:
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(self._file, line.encode())

    def committed(self) -> None:
        """One of the responses is in the ledger."""
        self._open -= 1
        if not self._open and self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def left(path: Path) -> Iterator[tuple[int, str, bytes]]:
    """Yield call, key and raw response of what a killed run left; a line that was cut off is no response."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            row = json.loads(line)
            yield int(row["call"]), str(row["key"]), str(row["raw"]).encode("utf-8", "surrogateescape")
