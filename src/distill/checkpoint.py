"""Where a run's checkpoints lie, and which one it goes on from after it was killed.

They lie outside the pipeline's outputs, which DVC deletes before it runs a stage: .distill/checkpoints/<key> in the
main repository (`DVC_ROOT`, else the nearest parent with a .dvc). The key is a hash of everything that defines the
run (parameters, student, data, code, library versions, device), so a run never goes on from another one's checkpoint.

Of several processes, each writes its own random state into a checkpoint, and the first one the rest. So several
machines can go on from one only if they see .distill under the same path on a shared disk; without it, a run that was
killed has to start again (remove .distill/checkpoints on all of them).
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import torch.distributed as processes

from distill.config import Model

MARK = "complete"
LIBRARIES = ("accelerate", "peft", "torch", "transformers", "trl")


def key(models: Iterable[Model], files: Iterable[Path], facts: Iterable[str]) -> str:
    """Return the run's key: a hash of parameter models, of files' bytes, and of further facts."""
    digest = hashlib.sha256()
    for model in models:
        digest.update(json.dumps(model.model_dump(mode="json"), sort_keys=True).encode())
    for path in files:
        digest.update(path.read_bytes())
    versions = [f"{name}=={importlib.metadata.version(name)}" for name in LIBRARIES]
    digest.update("\n".join([*versions, *facts]).encode())
    return digest.hexdigest()[:24]


def code() -> list[Path]:
    """Return the files of this package that this process has loaded: a run that other code began is another run."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("distill.")]
    return [Path(module.__file__) for module in modules if module.__file__]


def root() -> Path:
    """Return the main repository's root, even within a copy of it that `dvc exp run --temp` made."""
    if os.environ.get("DVC_ROOT"):
        return Path(os.environ["DVC_ROOT"])
    here = Path.cwd()
    return next((parent for parent in (here, *here.parents) if (parent / ".dvc").is_dir()), here)


def place(key: str) -> Path:
    """Return the folder for the checkpoints of the run with this key."""
    return root() / ".distill" / "checkpoints" / key


def mark_complete(folder: Path) -> None:
    """Say that the checkpoint in `folder` was written to its end; every process calls it when it wrote its part."""
    if _several():
        processes.barrier()
    if _first():
        _mark(folder)


def _mark(folder: Path) -> None:
    for path in (*sorted(folder.iterdir()), folder):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    (folder / MARK).touch()


def last(place: Path) -> str | None:
    """Return the last complete checkpoint of a run; those that a kill left unfinished are removed.

    Of several processes all have to call it; the first one looks and removes, and the others take what it found.
    """
    found = [_last(place) if _first() else None]
    if _several():
        processes.broadcast_object_list(found, src=0)
    return found[0]


def _last(place: Path) -> str | None:
    folders = {int(path.name.rpartition("-")[2]): path for path in place.glob("checkpoint-*")}
    for folder in folders.values():
        if not (folder / MARK).exists():
            shutil.rmtree(folder)
    complete = [step for step, folder in folders.items() if folder.exists()]
    return str(folders[max(complete)]) if complete else None


def _several() -> bool:
    return processes.is_available() and processes.is_initialized()


def _first() -> bool:
    return not _several() or processes.get_rank() == 0


def remove(place: Path) -> None:
    """Remove a finished run's checkpoints."""
    shutil.rmtree(place, ignore_errors=True)
