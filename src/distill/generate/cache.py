"""What a run of the stage has worked out so far, kept on disk so that after a kill it goes on from there.

One JSONL file a run, `.distill/generations/<key>.jsonl` in the main repository (outside the pipeline's outputs, which
DVC deletes before it runs a stage). The key is a hash of everything that the results depend on, so no result is taken
for another run's. A line that a kill cut off is dropped. A run that ends well removes its file.

Several processes of one run each have a file of their own beside it, `<key>.<share>.jsonl`. The run takes these over,
when it begins (a kill may have left some) and when the processes have ended.
"""

import hashlib
import json
from collections import UserDict
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from distill.common.errors import InputError
from distill.common.jsonl import Row, write_text
from distill.shared.workspace import kept


def make_key(facts: Any, files: Iterable[Path]) -> str:
    """Return a hash of `facts` (anything that JSON can hold) and of the content of `files`."""
    result = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for path in files:
        result.update(f"\n{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return result.hexdigest()[:32]


class Store(UserDict[str, Row]):
    """Results by name, each on disk as soon as it is set; a context manager that holds the run's lock.

    With `share` it is that of one process: it holds what the run has already, and writes to a file of its own.
    """

    def __init__(self, key: str, share: str | None = None) -> None:
        super().__init__()
        self.key, self.share = key, share
        self.path = kept("generations", f"{key}.{share}.jsonl" if share else f"{key}.jsonl")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(self.path.with_suffix(".lock"))

    def __enter__(self) -> Self:
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            raise InputError(f"{self.path}: the same run is at work already; wait for its end") from None
        self.data = _read(self.path)
        write_text(self.path, "".join(map(_line, self.items())))  # without the line that a kill cut off
        self.file = self.path.open("a", encoding="utf-8")
        if self.share:
            self.data |= _read(self.path.with_name(f"{self.key}.jsonl"))
        else:
            self.take_over()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        self.file.close()
        if kind is None and not self.share:
            _remove(self.path)
        self.lock.release()

    def shares(self) -> list[Path]:
        """Return the files of the run's processes."""
        return sorted(self.path.parent.glob(f"{self.key}.*.jsonl"))

    def take_over(self) -> None:
        """Take what the run's processes have worked out, and remove their files."""
        for path in self.shares():
            for name, value in _read(path).items():
                self[name] = value
            _remove(path)

    def __setitem__(self, name: str, value: Row) -> None:
        if name not in self:
            super().__setitem__(name, value)
            self.file.write(_line((name, value)))
            self.file.flush()


def _read(path: Path) -> dict[str, Row]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(True) if path.exists() else []
    return dict(filter(None, map(_parse, lines)))


def _remove(path: Path) -> None:
    path.unlink()
    path.with_suffix(".lock").unlink(missing_ok=True)


def _line(item: tuple[str, Row]) -> str:
    return json.dumps(item, allow_nan=False) + "\n"


def _parse(line: str) -> tuple[str, Row] | None:
    try:
        name, value = json.loads(line)
    except (ValueError, TypeError):
        return None
    return (name, value) if line.endswith("\n") and isinstance(name, str) and isinstance(value, dict) else None
