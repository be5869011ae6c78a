"""A directory that is there complete, or not at all: made beside its place, and renamed once it is done."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distill.common.errors import InputError


@contextmanager
def fresh(output: Path) -> Iterator[Path]:
    """Give a directory to fill, which becomes `output` if all went well.

    Raises:
        InputError: `output` is a file, or holds something.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output}: not an empty directory; remove it, or choose another --output")
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    try:
        yield beside
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o777 & ~umask)  # mkdtemp's are their owner's alone
        beside.rename(output)
    finally:
        shutil.rmtree(beside, ignore_errors=True)  # there is none where all went well
