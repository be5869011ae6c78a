"""The records that are left in a damaged SQLite file, read page by page.

SQLite reaches a row through the pages above it in a tree, so one overwritten page can hide thousands of intact rows.
Here each page that holds rows is read independently of the tree, in the version of the write-ahead log if there is one
(for the format, see https://sqlite.org/fileformat2.html). The tables are not known: a record is a row's number and its
values, and the caller decides which table it belongs to, and whether it is sound.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

PAGE_BYTES = 4096  # SQLite's default, for a file whose first page is lost
PAGE_SIZES = frozenset(2**power for power in range(9, 17))
MAGIC = b"SQLite format 3\0"
LOG_MAGIC = (0x377F0682, 0x377F0683)
LOG_HEADER, FRAME_HEADER = 32, 24
LEAF = 0x0D  # the type of a page that holds a table's rows
INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

Record = tuple[int, list[Any]]


def records(path: Path) -> Iterator[Record]:
    """Yield number and values of every row of every table that can be read, in the order of the pages.

    A row can come more than once, in different states: the log may have a newer version of a page, and an unused page
    still has its old content. If a page that a long row continues on is missing, its part of the row is zeros.
    """
    log = Path(f"{path}-wal")
    logged = log.read_bytes() if log.exists() else b""
    with path.open("rb") as file:
        yield from _all_rows(_Pages(file, logged))
        if logged:  # a page may be damaged there and sound in the file
            yield from _all_rows(_Pages(file, b""))


class _Pages:
    """The pages of a file, numbered from 1, in their last committed version."""

    def __init__(self, file: BinaryIO, log: bytes) -> None:
        self._file, self._log = file, log
        file.seek(0)
        self.size, reserved = _layout(file.read(100), log)
        self.usable = self.size - reserved
        self._logged = _logged(log, self.size)
        self.count = max(-(-file.seek(0, 2) // self.size), *self._logged, 0)

    def read(self, number: int) -> bytes:
        """Return a page; where the file was cut off, zeros."""
        if number in self._logged:
            start = self._logged[number]
            return self._log[start : start + self.size]
        self._file.seek((number - 1) * self.size)
        return self._file.read(self.size).ljust(self.size, b"\0")

    def payload(self, page: bytes, at: int, length: int) -> bytes:
        """Return the `length` bytes of a record that begins at `at`, and may continue in a chain of other pages."""
        if length > self.count * self.size:
            raise ValueError("a record that is longer than its file")
        local = self._local(length)
        parts, left, rest = [page[at : at + local]], length - local, page[at + local :]
        while left > 0 and 1 < (number := struct.unpack_from(">I", rest)[0]) <= self.count:
            rest = self.read(number)
            parts.append(rest[4 : 4 + min(left, self.usable - 4)])
            left -= self.usable - 4
        return b"".join(parts).ljust(length, b"\0")

    def _local(self, length: int) -> int:
        """Return how many bytes of a record are in its own page."""
        most, least = self.usable - 35, (self.usable - 12) * 32 // 255 - 23
        if length <= most:
            return length
        local = least + (length - least) % (self.usable - 4)
        return local if local <= most else least


def _layout(header: bytes, log: bytes) -> tuple[int, int]:
    """Return how many bytes a page has, and how many of them are reserved."""
    size, reserved = 0, 0
    if header.startswith(MAGIC) and len(header) == 100:
        size, reserved = int.from_bytes(header[16:18]), header[20]
        size = 65536 if size == 1 else size
    elif len(log) >= LOG_HEADER and int.from_bytes(log[:4]) in LOG_MAGIC:
        size = int.from_bytes(log[8:12])
    return (size, reserved) if size in PAGE_SIZES else (PAGE_BYTES, 0)


def _logged(log: bytes, size: int) -> dict[int, int]:
    """Return where in the log the last committed version of each page is, by page number."""
    found: dict[int, int] = {}
    uncommitted: dict[int, int] = {}
    for start in range(LOG_HEADER, len(log) - FRAME_HEADER - size + 1, FRAME_HEADER + size):
        number, committed = struct.unpack_from(">II", log, start)
        # Frames left over from an earlier log have another salt.
        if log[start + 8 : start + 16] != log[16:24]:
            break
        uncommitted[number] = start + FRAME_HEADER
        if committed:
            found |= uncommitted
            uncommitted = {}
    return found


def _all_rows(pages: _Pages) -> Iterator[Record]:
    for number in range(2, pages.count + 1):  # the first page holds the schema
        yield from _rows(pages, pages.read(number))


def _rows(pages: _Pages, page: bytes) -> Iterator[Record]:
    if page[0] != LEAF:
        return
    for cell in range(int.from_bytes(page[3:5])):
        try:
            at = struct.unpack_from(">H", page, 8 + 2 * cell)[0]
            length, at = _varint(page, at)
            number, at = _varint(page, at)
            yield number, _values(pages.payload(page, at, length))
        except (ValueError, IndexError, struct.error):
            continue


def _values(payload: bytes) -> list[Any]:
    """Return the values of a record, which is a header of their types, then their content."""
    at_value, at = _varint(payload, 0)
    end, values = at_value, []
    while at < end:
        kind, at = _varint(payload, at)
        value, at_value = _value(payload, at_value, kind)
        values.append(value)
    return values


def _value(payload: bytes, at: int, kind: int) -> tuple[Any, int]:
    """Return a value, and the offset of the next one."""
    if kind in (0, 8, 9):
        return (None if kind == 0 else kind - 8), at
    if kind in (10, 11):
        raise ValueError("a type that SQLite does not use")
    length = INTEGER_BYTES.get(kind) or (8 if kind == 7 else (kind - 12) // 2)
    part = payload[at : at + length]
    if len(part) < length:
        raise ValueError("a value that ends after its record")
    if kind <= 6:
        return int.from_bytes(part, signed=True), at + length
    if kind == 7:
        return struct.unpack(">d", part)[0], at + length
    return (part.decode("utf-8") if kind % 2 else part), at + length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of 1 to 9 bytes, and the offset of its end."""
    value = 0
    for end in range(at, at + 8):
        value = value << 7 | data[end] & 0x7F
        if data[end] < 0x80:
            return value, end + 1
    return value << 8 | data[at + 8], at + 9
