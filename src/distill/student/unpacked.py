"""Where a packaged student lies unpacked: its GGUF file, dequantised once into a directory that loads in a second.

It lies in the Python environment that the package is installed in, `<sys.prefix>/var/cache/distill/<package>/<file>`:
whatever uses the environment shares it (stages, tests, chat, DVC's copies of the repository), and it goes with the
environment. Its name is a hash of the student and of the libraries that unpack it, so another version makes another.

A place that cannot be written to stops no stage: a note says so, and the GGUF file is loaded as it is.
"""

import hashlib
import importlib.metadata
import json
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from filelock import FileLock
from safetensors import SafetensorError

from distill.common.jsonl import sync

PLACE = Path(sys.prefix, "var", "cache", "distill")
LIBRARIES = ("gguf", "tokenizers", "torch", "transformers")
SIZES = "sizes.json"


def directory(package: str, file: str, identity: str, make: Callable[[Path], None]) -> Path | None:
    """Return the directory of the student `identity`, or None if it cannot be written; `make` fills an empty one.

    Of several processes one makes it, and the others wait for it.
    """
    done = PLACE / package / file / _key(identity)
    try:
        if not _whole(done):
            done.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(done.with_name("lock")):
                if not _whole(done):  # nobody else made it while this process waited
                    _say(f"unpacking the student {identity}, once, into {done}")
                    _make(done, make)
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        _say(f"note: the student {identity} cannot be unpacked ({reason}), so each command takes its time to load it "
             f"from the package; see that {PLACE} can be written to")  # fmt: skip
        return None
    return done


@cache  # tokenizer and model are loaded one after the other, and one note is enough
def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _key(identity: str) -> str:
    versions = [f"{name}=={importlib.metadata.version(name)}" for name in LIBRARIES]
    return hashlib.sha256("\n".join([identity, *versions]).encode()).hexdigest()[:16]


def _whole(folder: Path) -> bool:
    """Whether `folder` holds what was put into it, by name and size."""
    try:
        return bool(json.loads((folder / SIZES).read_text(encoding="utf-8")) == _sizes(folder))
    except (FileNotFoundError, ValueError):
        return False


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir() if path.name != SIZES}


def _make(done: Path, make: Callable[[Path], None]) -> None:
    # A killed process left them, or a version that this environment no longer has.
    for other in filter(Path.is_dir, done.parent.iterdir()):
        shutil.rmtree(other)
    beside = done.with_suffix(".new")
    beside.mkdir()
    try:
        make(beside)
        (beside / SIZES).write_text(json.dumps(_sizes(beside)), encoding="utf-8")
        for path in beside.iterdir():
            path.chmod((beside / SIZES).stat().st_mode)  # safetensors makes its files readable by their owner alone
            sync(path)
        sync(beside)
        beside.rename(done)
        sync(done.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)  # there is none where all went well
