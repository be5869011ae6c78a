"""Inside the sandbox: what every program there begins with."""

import json
import os
import site
import sys
from typing import Any

from distill.sandbox.inside.confinement import confine, take_pipes


def opened() -> tuple[dict[str, Any], int, int]:
    """Move the pipes out of the way of print() and input(), confine this process, and read the job, a line of JSON.

    Out: the job, and descriptors for what comes in behind it, and for what goes out. The judge sends no more before
    something was written there, so that nothing but the job is read here.
    """
    incoming, outgoing = take_pipes()
    site.setquit()  # exit() and quit(), which an interpreter without `site` lacks
    confine(json.loads(sys.argv[1]))
    with os.fdopen(incoming, "rb", closefd=False) as requests:
        job = json.loads(requests.readline())
    return job, incoming, outgoing


def speak(incoming: int, outgoing: int) -> None:
    """Say that the job is understood; from here on, standard input and output are the judge's."""
    os.write(outgoing, b"ready\n")
    os.dup2(incoming, 0)
    os.dup2(outgoing, 1)
    os.close(incoming)
    os.close(outgoing)


def tell(**report: object) -> None:
    """Write a report, one JSON object, to standard output, which `speak` has opened."""
    sys.stdout.write(json.dumps(report))
