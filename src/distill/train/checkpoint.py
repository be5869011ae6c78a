"""Where a run's checkpoints are, and from which one it resumes after a kill.

They are outside the pipeline's outputs, which DVC deletes before it runs a stage: in .distill/checkpoints/<key> of the
main repository. The key is a hash of everything that defines the run (parameters, student, data, code, library
versions, device), so a run never resumes from another run's checkpoint. If the same run is started twice, `turn` lets
the second one wait, and resume from what the first one left.

With several processes, each writes its own random state into a checkpoint, and the first one everything else. So
several machines can resume only if .distill is under the same path on a shared disk; without one, a killed run has to
start again (remove .distill/checkpoints on all machines).
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch.distributed as processes
from filelock import FileLock, Timeout

import distill
from distill.common.config import Model
from distill.common.jsonl import files as parts
from distill.common.jsonl import sync, write_text
from distill.shared.workspace import kept

MARK = "complete"
HOLDER = "holder"
PATIENCE_S = 60
"""Processes that wait for another run exchange a message after so many seconds, because the others' time-out is 10 to
30 minutes."""
LIBRARIES = ("accelerate", "peft", "torch", "transformers", "trl")


def key(models: Iterable[Model], files: Iterable[Path], facts: Iterable[str]) -> str:
    """Return the run's key: a hash of parameter models, of files' bytes, and of further facts."""
    digest = hashlib.sha256()
    for model in models:
        digest.update(json.dumps(model.model_dump(mode="json"), sort_keys=True).encode())
    for path in (part for each in files for part in parts(each)):
        with path.open("rb") as file:
            while part := file.read(2**20):
                digest.update(part)
    versions = [f"{name}=={importlib.metadata.version(name)}" for name in LIBRARIES]
    digest.update("\n".join([*versions, *facts]).encode())
    return digest.hexdigest()[:24]


def code() -> list[Path]:
    """Return the files of this package that this process has loaded: with other code, it is another run.

    They are found by file, not by name, because the stage's own module runs as `__main__`.
    """
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    package = Path(distill.__path__[0])
    return sorted(path for path in map(Path, filter(None, loaded)) if path.is_relative_to(package))


def place(key: str) -> Path:
    """Return the folder for the checkpoints of the run with this key."""
    return kept("checkpoints", key)


@contextmanager
def turn(place: Path) -> Iterator[None]:
    """Be the only run that uses the checkpoints in `place`; a second one with the same key waits here.

    A run that succeeds removes its checkpoints, unless another one waits: that one then resumes from the last of them,
    has nothing left to train, and writes the same bytes. If the first one is killed, the second resumes from what is
    there: the system frees a process's locks however it ends.

    With several processes, all of them call this, and the first one holds the locks. Whoever holds `waiting` runs next.
    """
    running, waiting = (FileLock(place.with_name(f"{place.name}.{name}")) for name in ("running", "waiting"))
    _wait(place, waiting, running)
    if not first():
        yield
        return
    try:
        write_text(place / HOLDER, f"process {os.getpid()} on {platform.node()}, in {Path.cwd()}")
        waiting.release()
        yield
        if _acquired(waiting, 0):
            _remove(place, running, waiting)
    finally:
        waiting.release()
        running.release()


def _wait(place: Path, *locks: FileLock) -> None:
    """Acquire the locks; if they are taken, say once by whom."""
    place.parent.mkdir(parents=True, exist_ok=True)
    patience = 0
    for lock in locks:
        while not _of_first(first() and _acquired(lock, patience)):
            if first() and not patience:
                print(f"the same training is running already ({_holder(place)}); waiting for it to end", flush=True)
            patience = PATIENCE_S


def _acquired(lock: FileLock, patience: float) -> bool:
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        return False
    return True


def _holder(place: Path) -> str:
    try:
        return (place / HOLDER).read_text(encoding="utf-8")
    except FileNotFoundError:  # it has just begun, or is about to end
        return "another process"


def _remove(place: Path, *locks: FileLock) -> None:
    # A process that opened a lock's file before it was removed notices that, and makes a new one.
    shutil.rmtree(place, ignore_errors=True)
    for lock in locks:
        Path(lock.lock_file).unlink(missing_ok=True)


def mark_complete(folder: Path) -> None:
    """Mark the checkpoint in `folder` as complete; every process calls this after writing its part."""
    if _several():
        processes.barrier()
    if first():
        for path in (*folder.iterdir(), folder):
            sync(path)
        (folder / MARK).touch()


def last(place: Path) -> str | None:
    """Return the last complete checkpoint of a run, and remove those that a kill left unfinished.

    With several processes, all of them call this; the first one looks and removes, and tells the others.
    """
    found: str | None = _of_first(_last(place) if first() else None)
    return found


def _last(place: Path) -> str | None:
    folders = {step(path): path for path in place.glob("checkpoint-*")}
    for folder in folders.values():
        if not (folder / MARK).exists():
            shutil.rmtree(folder)
    complete = [number for number, folder in folders.items() if folder.exists()]
    return str(folders[max(complete)]) if complete else None


def step(folder: str | Path) -> int:
    """Return the number of updates before a checkpoint."""
    return int(Path(folder).name.rpartition("-")[2])


def first() -> bool:
    """Whether this is the only process, or the one that reads, writes and prints for all of them."""
    return not _several() or processes.get_rank() == 0


def _several() -> bool:
    return processes.is_available() and processes.is_initialized()


def _of_first(value: Any) -> Any:
    """Return the first process's value in all processes."""
    found = [value]
    if _several():
        processes.broadcast_object_list(found, src=0)
    return found[0]
