"""Reading and writing JSON Lines and JSON: streaming, atomic, and with errors that name file and line.

A file is either the old one or the complete new one: it is written beside its place, synced and renamed.
Floats and key order are written as given, so equal rows give equal bytes.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from distill.common.errors import InputError

Row = dict[str, Any]
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def read_jsonl(path: Path, required: Iterable[str] = ()) -> Iterator[Row]:
    """Yield the rows of `path` one at a time; blank lines are skipped.

    Args:
        path: A UTF-8 file with one JSON object a line.
        required: Keys that every row must have.

    Raises:
        InputError: The file is missing, or a line is not UTF-8, not a JSON object, or lacks a required key.
    """
    keys = tuple(required)
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage that writes it (`dvc repro`)") from None
    with file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _parse(line, f"{path}:{number}", keys)


def write_jsonl(path: Path, rows: Iterable[Row]) -> int:
    """Write `rows` to `path` atomically, and return their number; `rows` may be a generator."""
    count = 0
    with atomic_writer(path) as file:
        for row in rows:
            file.write(to_line(row))
            count += 1
    return count


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


def sync(path: Path) -> None:
    """Wait until a file or folder is on disk; a folder's names are apart from the files' contents."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
