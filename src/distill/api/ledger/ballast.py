"""Disk space that is reserved beside a ledger before anything is sent.

If the disk fills up during a run, this space is given back, and takes the answers in flight, which are paid for.
"""

import os
from pathlib import Path

BYTES = 8_000_000


def take(ledger: Path) -> None:
    """Set the room aside.

    Raises:
        OSError: There is none.
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
    """Give the room back; return whether there is more now."""
    try:
        _place(ledger).unlink()
    except OSError:
        return False
    return True


def _place(ledger: Path) -> Path:
    return Path(f"{ledger}.ballast")
