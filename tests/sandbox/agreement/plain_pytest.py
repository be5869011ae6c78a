"""Plain pytest's verdict on pairs of files: the program that tests/test_agreement.py runs.

In: a folder with one folder a pair, which holds `solution.py` and `test_check.py`. Out: JSON on standard output, one
entry a pair: null if tests were run and every one of them passed, or else the first thing that did not. Each pair has
a process of its own, forked from this one, so that pytest is imported once.
"""

import gc
import json
import os
import sys
import tempfile
from collections import deque
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

ALONE = ("-q", "-c", os.devnull, "-p", "no:cacheprovider")
"""Options of pytest: no configuration file, and nothing is kept."""


class Recorder:
    """A plugin that keeps what came of every test and of every import of a file."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed.append(f"{report.nodeid}: {report.longreprtext}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # A test that is skipped, or that fails as expected (xfail), has shown nothing.
        if not report.passed:
            self.failed.append(f"{report.nodeid}: {report.outcome} {report.longreprtext}")
        self.passed += report.passed and report.when == "call"


def verdict(folder: Path) -> str | None:
    """Run the check of one pair in this process; None if it passes."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    recorder = Recorder()
    code = pytest.main([*ALONE, "--rootdir", str(folder), "--confcutdir", str(folder), "."], plugins=[recorder])
    if recorder.failed:
        return recorder.failed[0][:2000]
    return None if code == 0 and recorder.passed else f"pytest ended with {code} after {recorder.passed} passed tests"


def start(folder: Path) -> tuple[int, int]:
    """Start the run of one pair in a fork; return its process and the descriptor that its verdict comes from."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.write(writer, json.dumps(verdict(folder)).encode())
        os._exit(0)
    os.close(writer)
    return child, reader


def finish(child: int, reader: int) -> Any:
    """Return the verdict on one pair; the last word of a process that says nothing is that it ended."""
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return json.loads(said) if said else "the process ended"


def verdicts(folders: list[Path]) -> list[Any]:
    """Return the verdicts on all pairs in order; as many run at one time as there are cores."""
    found, running = [], deque[tuple[int, int]]()
    for folder in folders:
        if len(running) == os.cpu_count():
            found.append(finish(*running.popleft()))
        running.append(start(folder))
    return found + [finish(*one) for one in running]


def main() -> None:
    """Command line: `python plain_pytest.py FOLDER`."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    folders = sorted(Path(sys.argv[1]).resolve().iterdir())
    with tempfile.TemporaryDirectory() as nothing, redirect_stdout(sys.stderr):
        verdict(Path(nothing))  # so that what pytest imports when it runs is imported once, before the forks
    gc.freeze()
    names = [folder.name for folder in folders]
    print(json.dumps(dict(zip(names, verdicts(folders), strict=True))))


if __name__ == "__main__":
    main()
