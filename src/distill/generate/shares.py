"""Generation by several processes on one machine: each works out its share of the batches, and the stage joins them.

The batches are planned from all prompts, and a batch has as many cores as with one process, so the results are the same
to the last bit. Each process has the weights for itself, and its GPU, where there are GPUs. It keeps its results in a
file of its own (`cache.Store`), so that a run that was killed goes on, with however many processes.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tqdm import tqdm

from distill.common.errors import DistillError
from distill.generate.cache import Store
from distill.generate.measure import Measurement, work
from distill.generate.threads import Share
from distill.shared import device

LOOK_S = 0.2
"""Seconds between two looks at the processes."""


def do(job: Measurement, key: str, share: str) -> None:
    """Be one of the processes: work out the share `K/N`, and keep it for the stage, which started this one."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    number, _, of = share.partition("/")
    with Store(key, f"{number}-of-{of}") as store:
        work(job, store, Share(int(number) - 1, int(of)))


def _end_with_parent() -> None:
    """Leave when the pipe from the parent is closed, which the system does however the parent ends."""
    os.read(0, 1)  # not by sys.stdin, whose lock the end of the interpreter would wait for
    os._exit(1)


def start(job: Measurement, store: Store, processes: int, params: Path) -> None:
    """Work out with so many processes what `store` lacks.

    Raises:
        DistillError: One of them failed, or was killed; then all have ended, and what they worked out is kept.
    """
    environments = device.environments(processes)
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / str(number) for number in range(processes)]
        children: list[subprocess.Popen[bytes]] = []
        try:
            for number, (log, environment) in enumerate(zip(logs, environments, strict=True)):
                with log.open("wb") as file:
                    share = f"{number + 1}/{processes}"
                    children.append(_child(job.side, params, share, environment, file))
            _wait(job, store, children, logs)
        finally:
            for child in children:
                child.kill()
                child.communicate()  # and close the pipe
    store.take_over()


def _child(
    side: str, params: Path, share: str, environment: dict[str, str], log: IO[bytes]
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "distill.generate", side, "--params", str(params), "--share", share]
    clean = {name: value for name, value in os.environ.items() if name != "DVC_STAGE"}  # its errors are told by us
    return subprocess.Popen(
        command, env=clean | environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log
    )


def _wait(job: Measurement, store: Store, children: Sequence["subprocess.Popen[bytes]"], logs: Sequence[Path]) -> None:
    text = f"{job.side}, {len(children)} processes"
    with tqdm(desc=text, total=job.results, unit="", dynamic_ncols=True) as bar:
        while True:
            ended = [child.poll() for child in children]
            bar.update(len(store) + sum(map(_lines, store.shares())) - bar.n)
            if failed := [number for number, code in enumerate(ended) if code]:
                raise _problem(failed[0] + 1, children[failed[0]], logs[failed[0]].read_text(errors="replace"))
            if None not in ended:
                return
            time.sleep(LOOK_S)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def _problem(number: int, child: "subprocess.Popen[bytes]", said: str) -> DistillError:
    """Return what a process has said in its one line, or that it could not say anything."""
    if lines := [line for line in said.splitlines() if line.startswith("error: ")]:
        return DistillError(lines[-1].removeprefix("error: "))
    print(said, end="", file=sys.stderr)
    code = child.returncode
    how = f"was killed (signal {-code})" if code < 0 else f"failed (status {code})"
    return DistillError(
        f"generate: process {number} {how}; what all have worked out is kept: run the same command again"
    )
