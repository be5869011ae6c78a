"""Inside the sandbox: the command of a check of the kind `program`, which takes this program's place.

In: a job with the words of the `command`, its `folder` and a random `mark`; what comes in behind it, an answer, is the
command's input. Out: what it writes, and the status it ends with; the mark and a reason if it cannot be started.
"""

import os
import sys

from distill.sandbox.inside.opening import opened, speak


def main() -> None:
    """Become the command."""
    job, *pipes = opened()
    speak(*pipes)
    try:
        os.chdir(job["folder"])
        os.execve(job["command"][0], job["command"], {**os.environ, "PATH": job["path"]})  # noqa: S606 (confined)
    except OSError as error:
        sys.stdout.write(f"{job['mark']}{error.strerror}")
        sys.exit(1)
