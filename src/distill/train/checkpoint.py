"""Where a run's checkpoints lie, and which one it goes on from after it was killed.

They lie outside the pipeline's outputs, which DVC deletes before it runs a stage: .distill/checkpoints/<key> in the
main repository (`DVC_ROOT`, else the nearest parent with a .dvc). The key is a hash of everything that defines the
run (parameters, student, data, code, library versions, device), so a run never goes on from another one's checkpoint.
Two such runs at once are one: `turn` lets the second wait, and go on from what the first left.

Of several processes, each writes its own random state into a checkpoint, and the first one the rest. So several
machines can go on from one only if they see .distill under the same path on a shared disk; without it, a run that was
killed has to start again (remove .distill/checkpoints on all of them).
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
"""Several processes that wait for another run hear of each other after so many seconds, or they would take one another
for dead (after 10 to 30 minutes)."""
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
    """Return the files of this package that this process has loaded: a run that other code began is another run.

    By file and not by name: the stage's own module runs as `__main__`.
    """
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    package = Path(distill.__path__[0])
    return sorted(path for path in map(Path, filter(None, loaded)) if path.is_relative_to(package))


def place(key: str) -> Path:
    """Return the folder for the checkpoints of the run with this key."""
    return kept("checkpoints", key)


@contextmanager
def turn(place: Path) -> Iterator[None]:
    """Be the one run that uses the checkpoints in `place`; a second one with the same key waits here.

    A run that ends well removes its checkpoints, unless another one waits: that one goes on from the last of them,
    which has nothing left to train, and ends with the same bytes. If the first is killed, the second goes on from what
    it finds: the system frees the locks of a process that ends, however it ends.

    Of several processes all have to call it; the first one holds the locks. Whoever has `waiting` is the next to run.
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
    """Acquire the locks, and say once who has them if they are not to be had at once."""
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
    except FileNotFoundError:  # it has only just begun, or is about to end
        return "another process"


def _remove(place: Path, *locks: FileLock) -> None:
    # A process that opened a lock's file before it was removed finds out, and makes a new one.
    shutil.rmtree(place, ignore_errors=True)
    for lock in locks:
        Path(lock.lock_file).unlink(missing_ok=True)


def mark_complete(folder: Path) -> None:
    """Say that the checkpoint in `folder` was written to its end; every process calls it when it wrote its part."""
    if _several():
        processes.barrier()
    if first():
        for path in (*folder.iterdir(), folder):
            sync(path)
        (folder / MARK).touch()


def last(place: Path) -> str | None:
    """Return the last complete checkpoint of a run; those that a kill left unfinished are removed.

    Of several processes all have to call it; the first one looks and removes, and the others take what it found.
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
    """Return after how many updates a checkpoint was made."""
    return int(Path(folder).name.rpartition("-")[2])


def first() -> bool:
    """Whether this process is the one of several that looks, writes and speaks for all of them."""
    return not _several() or processes.get_rank() == 0


def _several() -> bool:
    return processes.is_available() and processes.is_initialized()


def _of_first(value: Any) -> Any:
    """Return the first process's value, in all of them."""
    found = [value]
    if _several():
        processes.broadcast_object_list(found, src=0)
    return found[0]
