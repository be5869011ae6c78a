"""Reading and writing JSON Lines and JSON: streaming, atomic, and with errors that name file and line.

A file is either the old one or the complete new one: it is written beside its place, synced and renamed.
Floats and key order are written as given, so equal rows give equal bytes.

Where rows are many, a folder of parts can stand at their path, so that of a change only some parts are pushed. A part
ends after a row by a hash of that row's id, with a probability in proportion to the row's length, so that parts have
one mean size whatever the rows are. Nothing else decides it: rows that are added in one place change the part that they
fall into and no other. The parts one after another are the single file. Their names are numbers; that these shift costs
nothing, because DVC stores by content.
"""

import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from distill.common.errors import InputError

Row = dict[str, Any]
PARTS = 64
"""A part has on average this share of the size above which there are parts."""
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def read_jsonl(path: Path, required: Iterable[str] = ()) -> Iterator[Row]:
    """Yield the rows of `path` one at a time; blank lines are skipped.

    Args:
        path: A UTF-8 file with one JSON object a line, or a folder of such files (see `files`).
        required: Keys that every row must have.

    Raises:
        InputError: The file or a part is missing, or a line is not UTF-8, not a JSON object, or lacks a required key.
    """
    keys = tuple(required)
    for part in files(path):
        with part.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _parse(line, f"{part}:{number}", keys)


def files(path: Path) -> list[Path]:
    """Return the files that hold the rows of `path`: itself, or, where it is a folder, its parts in their order.

    Raises:
        InputError: It is missing, or one of its parts is.
    """
    parts = sorted(path.glob("*.jsonl")) if path.is_dir() else [path] * path.exists()
    if not parts:
        raise InputError(f"{path}: no such file; run the stage that writes it (`dvc repro`)")
    for number, part in enumerate(parts if path.is_dir() else ()):
        if part.name != part_name(number):
            raise InputError(f"{path}: the part {part_name(number)} is missing; restore it (`dvc checkout`), or run "
                             "the stage that writes it (`dvc repro`)")  # fmt: skip
    return parts


def part_name(number: int) -> str:
    """Return the name of a part; sorted names are in the order of the numbers."""
    return f"{number:06}.jsonl"


def write_jsonl(path: Path, rows: Iterable[Row], shard_mb: float = math.inf) -> int:
    """Write `rows` as `row_writer` does, and return their number; `rows` may be a generator."""
    count = 0
    with row_writer(path, shard_mb) as write:
        for row in rows:
            write(row)
            count += 1
    return count


@contextmanager
def row_writer(path: Path, shard_mb: float = math.inf) -> Iterator[Callable[[Row], None]]:
    """Give a function that writes a row, and put the rows in `path`'s place if all went well.

    On an exception, a full disk among them, what was there before stays as it was.

    Args:
        path: Becomes a file if the rows take at most `shard_mb` megabytes, and a folder of parts if they take more;
            it replaces a file or folder that is there.
        shard_mb: Where it is finite, every row must have an `id`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as temporary:
        parts = _Parts(Path(temporary) / path.name, shard_mb * 1e6 / PARTS)
        try:
            yield parts.write
        finally:
            parts.close()
        if parts.size <= shard_mb * 1e6:
            _join(parts.paths)
        for part in parts.paths:
            sync(part)
        replace(parts.paths[0] if len(parts.paths) == 1 else parts.folder, path)


def to_line(row: Row) -> str:
    """Return a row as a line of JSON; NaN and infinity are refused (ValueError)."""
    return _ENCODER.encode(row) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` atomically as indented JSON; NaN and infinity are refused (ValueError)."""
    write_text(path, json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Return the JSON value that `path` holds.

    Raises:
        InputError: The file is missing, not UTF-8, or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage that writes it (`dvc repro`)") from None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); run the stage that writes it again") from None


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8."""
    with atomic_writer(path) as file:
        file.write(text)


@contextmanager
def atomic_writer(path: Path) -> Iterator[TextIO]:
    """Give a text file to write, and put it in `path`'s place if all went well.

    On an exception, a full disk among them, the file that was there before stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(handle)
        # mkstemp makes the file readable by its owner alone; outputs get the permissions of any other file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def replace(new: Path, path: Path) -> None:
    """Put the file or folder `new` in `path`'s place by renaming: a kill leaves the old one or the new one whole.

    Only a file can be renamed over a file. Otherwise neither has the name for a moment; the old one is in `.*.old`.
    """
    aside = path.with_name(f".{path.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    if path.is_dir() or (new.is_dir() and path.exists()):
        aside.mkdir()
        path.replace(aside / path.name)
    new.replace(path)
    shutil.rmtree(aside, ignore_errors=True)


def sync(path: Path) -> None:
    """Wait until a file or folder is on disk; a folder's names are apart from the files' contents."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Parts:
    """The parts that are written to a new folder; there is at least one, and it may be empty."""

    def __init__(self, folder: Path, target: float) -> None:
        self.folder, self.paths, self.size = folder, list[Path](), 0
        self._target = target
        folder.mkdir()
        self._file = self._next()

    def write(self, row: Row) -> None:
        """Write a row; if it ends a part, the next row begins another."""
        line = to_line(row).encode()
        if self._file.closed:
            self._file = self._next()
        self._file.write(line)
        self.size += len(line)
        if self._target < math.inf and _ends_part(row, len(line), self._target):
            self._file.close()

    def close(self) -> None:
        """Write out what the last part's file has not written yet."""
        self._file.close()

    def _next(self) -> BinaryIO:
        self.paths.append(self.folder / part_name(len(self.paths)))
        return self.paths[-1].open("wb")


def _ends_part(row: Row, size: int, target: float) -> bool:
    digest = blake2b(row["id"].encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) * target < size * 2**64


def _join(paths: list[Path]) -> None:
    """Append all files to the first, and remove them."""
    with paths[0].open("ab") as whole:
        for path in paths[1:]:
            with path.open("rb") as part:
                shutil.copyfileobj(part, whole)
            path.unlink()
    del paths[1:]


def _parse(line: bytes, place: str, required: tuple[str, ...]) -> Row:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: not UTF-8 at byte {error.start + 1}; save the file as UTF-8") from None
    except ValueError as error:
        raise InputError(f"{place}: not valid JSON ({error}); fix or delete the line, or remake the file") from None
    if not isinstance(row, dict):
        raise InputError(f"{place}: a JSON object is needed, found {type(row).__name__}; fix or delete the line")
    for key in required:
        if key not in row:
            raise InputError(f"{place}: the key '{key}' is missing; fix the line, or remake the file")
    return row
