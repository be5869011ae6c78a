"""What all command lines share: the option `--params`, and one line instead of a traceback for a user's mistake."""

import argparse
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

from distill.common.config import PARAMS
from distill.common.errors import DistillError


def parser(doc: str | None) -> argparse.ArgumentParser:
    """An argument parser that shows the module's docstring as help and has `--params`."""
    result = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--params", type=Path, default=PARAMS, help="the parameter file (default: %(default)s)")
    return result


def run(main: Callable[[], None]) -> None:
    """Run `main`; exit with 1 after a mistake that a person can fix, and with 130 after Ctrl-C."""
    try:
        main()
    except DistillError as error:
        _fail(str(error))
    except OSError as error:
        _fail(describe_os_error(error))
    except KeyboardInterrupt:
        print("interrupted; finished work is kept; run the same command to continue", file=sys.stderr)
        raise SystemExit(130) from None


def describe_os_error(error: OSError) -> str:
    """Return one line about an error of the operating system: the file, what happened, and what to do."""
    cures = {
        errno.ENOSPC: "free some space and run the same command again; earlier results are untouched",
        errno.EACCES: "check the permissions",
        errno.EROFS: "the file system is read-only; write elsewhere",
    }
    where = f"{error.filename}: " if error.filename else ""
    text = os.strerror(error.errno) if error.errno else str(error)
    return f"{where}{text.lower()}; {cures.get(error.errno or 0, 'fix that and run the same command again')}"


def _fail(message: str) -> None:
    # DVC deletes a stage's outputs before it runs the stage; they are in its cache.
    hint = " (`dvc checkout` brings the stage's earlier outputs back)" if "DVC_STAGE" in os.environ else ""
    print(f"error: {' '.join(message.split())}{hint}", file=sys.stderr)
    raise SystemExit(1)
