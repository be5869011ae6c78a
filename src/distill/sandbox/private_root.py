"""The tree of files that sandlock shows instead of the machine's: directories as they are, and copies of single files.

In: what a program may read. Out: a directory for sandlock's `chroot`, to which the caller mounts the directories. A
mount there can only be a directory, and the interpreter with its loader must lie in the tree itself: they are copied.

/dev/null is a small file in it, of this program alone: an ordinary user can make no device, and the machine's /dev
would tell what the machine has. It reads as empty until it is written to; RLIMIT_FSIZE limits what it takes.
"""

import os
import shutil
import struct
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

_PROGRAM_HEADERS, _HEADER_SIZE, _INTERPRETER = 32, 54, 3
"""Of an ELF file of 64 bits: where the offset of the program headers, and their size and number are; PT_INTERP."""


def make(visible: list[str]) -> "TemporaryDirectory[str]":
    """Return a new root with what of `visible` is a file, the interpreter's loader, and a /dev/null."""
    root = TemporaryDirectory(prefix="distill-sandbox-", ignore_cleanup_errors=True)
    os.chmod(root.name, 0o755)  # noqa: S103 (the program is another user, and may read all of it)
    for path in visible:  # where something is mounted there must be something, for its folder to list it
        Path(root.name, path.lstrip("/") if os.path.isdir(path) else "").mkdir(parents=True, exist_ok=True)
    interpreter = os.path.realpath(sys.executable)
    files = {path for path in visible if os.path.isfile(path)} | {interpreter}
    for file in files | set(filter(None, [loader(interpreter)])):
        target = Path(root.name, file.lstrip("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    null = Path(root.name, os.devnull.lstrip("/"))
    null.parent.mkdir()
    null.touch()
    return root


def loader(program: str) -> str | None:
    """Return the path of the dynamic loader that a program of 64 bits asks for, or None if it is static."""
    with open(program, "rb") as file:
        head = file.read(64)
        (start,) = struct.unpack_from("<Q", head, _PROGRAM_HEADERS)
        size, count = struct.unpack_from("<HH", head, _HEADER_SIZE)
        for number in range(count):
            file.seek(start + number * size)
            kind, _, offset, _, _, length = struct.unpack("<IIQQQQ", file.read(40))
            if kind == _INTERPRETER:
                file.seek(offset)
                return file.read(length).rstrip(b"\0").decode()
    return None
