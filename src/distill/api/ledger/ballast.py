"""Disk space that is reserved next to a ledger before anything is sent.

If the disk fills up during a run, the space is freed for the answers in flight, which are paid for.
"""

import os
from pathlib import Path

BYTES = 8_000_000


def take(ledger: Path) -> None:
    """Reserve the space.

    Raises:
        OSError: There is not enough.
    """
    with _place(ledger).open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(file.fileno(), 0, BYTES)
            except OSError as error:
                file.truncate(0)
                raise OSError(error.errno, os.strerror(error.errno or 0), str(ledger)) from None
        else:
            file.write(bytes(BYTES))


def drop(ledger: Path) -> bool:
    """Free the space; return whether there was any."""
    try:
        _place(ledger).unlink()
    except OSError:
        return False
    return True


def _place(ledger: Path) -> Path:
    return Path(f"{ledger}.ballast")
