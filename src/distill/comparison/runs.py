"""One of the runs that are compared: its rows of metrics/evaluation.jsonl, and their inputs according to dvc.lock.

A run is a Git revision, a DVC experiment by its name, or the workspace. A revision's rows come from DVC's cache; if
they are missing there, they are fetched from the remote into the cache (a remote that is a directory is read
directly). Nothing is checked out, and nothing runs.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.common.config import PARAMS
from distill.common.errors import InputError
from distill.common.jsonl import Row
from distill.evaluate.stage import DETAILS

WORKSPACE = "workspace"
LOCK = "dvc.lock"
KEYS = {"id", "group", "prompt", "answers", "likelihood", "outcomes", "health"}
Read = Callable[[str], bytes]
"""Returns a file's bytes by its path, or raises FileNotFoundError."""


@dataclass(frozen=True)
class Run:
    """A run that was evaluated.

    `params` are the parameters its results were made with, by dotted keys; `unused` are the keys whose values in
    params.yaml were changed since. `hashes` are the MD5 sums of what its stages read and wrote, by path. `recorded`:
    whether the rows are those that dvc.lock records.
    """

    name: str
    rows: dict[str, Row]
    params: dict[str, Any]
    unused: list[str]
    hashes: dict[str, str]
    recorded: bool


def load(name: str) -> Run:
    """Return the run `name`: a Git revision, an experiment, or `workspace`.

    Raises:
        InputError: There is no such run, it was not evaluated, its rows cannot be had, or are of another version.
    """
    from dvc.utils.flatten import flatten

    read = _read_file if name == WORKSPACE else _revision(name)
    lock = _stages(_yaml(read, LOCK, name))
    read_by = (stage.get("params", {}).get(str(PARAMS), {}) for stage in lock)
    params = {key: value for params in read_by for key, value in flatten(params).items()}
    hashes = {entry["path"]: entry.get("md5", "") for stage in lock for entry in _files(stage)}
    if str(DETAILS) not in hashes:
        raise InputError(f"{name}: not evaluated ({LOCK} has no {DETAILS}); run `dvc repro` there, and commit {LOCK}")
    written = flatten(_yaml(read, str(PARAMS), name))
    unused = [key for key, value in params.items() if written.get(key) != value]
    data = _details(read, name)
    recorded = hashlib.md5(data, usedforsecurity=False).hexdigest() == hashes[str(DETAILS)]
    return Run(name, _rows(data, name), params, sorted(unused), hashes, recorded)


def _read_file(path: str) -> bytes:
    return Path(path).read_bytes()


def _revision(name: str) -> Read:
    """Return a function that reads a revision's files, from Git or from DVC's cache or remote.

    Raises:
        InputError: There is no such revision, or no repository.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    try:
        files = DVCFileSystem(os.getcwd(), rev=name)
        files.repo  # noqa: B018 (opens the repository at that revision)
    except DvcException as error:
        raise InputError(f"{name}: no such Git revision or experiment ({error}); `git branch -a` and `dvc exp list` "
                         "list them; `dvc exp pull origin NAME` fetches a colleague's") from None  # fmt: skip

    def read(path: str) -> bytes:
        with files.open(path, "rb", cache=True) as file:
            data: bytes = file.read()
        return data

    return read


def _details(read: Read, name: str) -> bytes:
    try:
        return read(str(DETAILS))
    except FileNotFoundError:
        if name == WORKSPACE:
            cure = "`dvc repro` makes it, or `dvc checkout` brings it back"
        else:
            cure = ("`dvc push` where it was made, see if the remote answers (`dvc status --cloud`), or check that "
                    "revision out and run `dvc repro`")  # fmt: skip
        raise InputError(f"{name}: its {DETAILS} is neither in DVC's cache nor on the remote; {cure}") from None
    except Exception as error:  # a remote's client raises what it likes
        why = f"{type(error).__name__}: {error}"
        raise InputError(f"{name}: its {DETAILS} could not be fetched from the remote ({why}); check the remote and "
                         "its keys with `dvc fetch`") from None  # fmt: skip


def _rows(data: bytes, name: str) -> dict[str, Row]:
    """Return the rows by the prompt's id."""
    try:
        rows = [json.loads(line) for line in data.splitlines() if line.strip()]
        old = not all(map(_is_current, rows))
    except (ValueError, KeyError, TypeError, AttributeError):
        old = True
    if old:
        raise InputError(f"{name}: its {DETAILS} is of another version of this code; check that revision out, merge "
                         "this code into it, and run `dvc repro`")  # fmt: skip
    return {row["id"]: row for row in rows}


def _is_current(row: Row) -> bool:
    """Whether a row has everything that the current evaluation writes."""
    whole = row["outcomes"] is None or all("as_written" in each[0] for each in row["outcomes"].values())
    return row.keys() >= KEYS and whole


def _yaml(read: Read, path: str, name: str) -> dict[str, Any]:
    """Return a YAML file's content as DVC reads it: in YAML 1.2, 2e-4 is a number."""
    from dvc.utils.serialize import ParseError, parse_yaml

    try:
        value = parse_yaml(read(path), path)
    except FileNotFoundError:
        raise InputError(f"{name}: no {path} there; run `dvc repro` there, and commit {path}") from None
    except ParseError as error:
        raise InputError(f"{name}: its {path} is not valid YAML ({error.__cause__}); fix it") from None
    if not isinstance(value, dict):
        raise InputError(f"{name}: its {path} is not a mapping; restore it from Git")
    return value


def _stages(lock: Mapping[str, Any]) -> list[Row]:
    """Return the stages of a dvc.lock, in order."""
    return list((lock.get("stages") or {}).values())


def _files(stage: Row) -> list[Row]:
    return [*stage.get("deps", []), *stage.get("outs", [])]
