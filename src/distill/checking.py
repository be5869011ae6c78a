"""The trusted process that judges: it runs a hidden check here, against an answer's code in the sandbox.

In: one job a line on standard input (JSON: the answer, the check's path, the sandbox's name, limits). Out: one verdict
a line on standard output. Each job is a fork of this process, which has everything imported, with limits of its own:
a check that an answer's values make slow or large is ended like the answer itself. Whatever a job leaves running is
killed before the next one.

A check is a trusted file in pytest's manner: `from solution import name`, plain functions `test_*`, `pytest.raises`
and `pytest.approx`. No fixtures, no parameters.
"""

import ast
import ctypes
import json
import os
import re
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from distill.channel import Channel, Over
from distill.extraction import NoSource, selected, wanted_names
from distill.remote import CheckError, RemoteError, Session, install
from distill.sandbox import Confined, Limits, SandboxError, start

DETAIL = 160
"""Characters of a verdict's detail."""
GRACE_S = 2.0
_JOB_MEMORY = 2 << 30
_SUBREAPER, _DEATH_SIGNAL = 36, 1  # of prctl: orphans become children of this process; it ends with its parent
_PROBE = "```python\ndef double(number: int) -> int:\n    return 2 * number\n```\n"
_PROBE_CHECK = "from solution import double\n\n\ndef test_double():\n    assert double(21) == 42\n"


def judge(job: dict[str, Any]) -> dict[str, str]:
    """Return one verdict; `error` instead of `outcome` when the check or the sandbox is at fault."""
    check = job["source"]
    try:
        found = selected(job["answer"], wanted_names(check))
        if isinstance(found, NoSource):
            return _verdict(found.outcome, found.detail)
        return _run([found], job)
    except SyntaxError as error:
        return {"error": f"the check does not compile (line {error.lineno})"}
    except (CheckError, SandboxError) as error:
        return {"error": str(error)}


def _run(code: list[str], job: dict[str, Any]) -> dict[str, str]:
    limits = job["limits"]
    kernel = Limits(limits["cpu_s"], limits["memory_mib"], limits["processes"], limits["file_kib"])
    confined = start(job["sandbox"], kernel)
    channel = Channel(confined, time.monotonic() + limits["wall_s"], limits["output_kib"] << 10)
    try:
        verdict = _check(channel, code, job["source"], job["check"])
    finally:
        _end(confined)
    return verdict | ({"said": _complaints(confined)} if job.get("probe") else {})


def _check(channel: Channel, code: list[str], check: str, path: str) -> dict[str, str]:
    """Load the code and run every test of the check until one fails."""
    import pytest

    where = "import"
    try:
        install(Session(channel), code)
        space: dict[str, Any] = {"__name__": "check"}
        exec(compile(check, path, "exec"), space)  # noqa: S102 (a trusted file of this repository)
        tests = [name for name in space if name.startswith("test_")]
        if not tests:
            raise CheckError("the check has no test function")
        for where in tests:
            space[where]()
    except Over:
        pass
    except (NameError, ImportError, SyntaxError) as error:
        # Not an UnboundLocalError: a loop over nothing that the answer gave leaves the check's variable unset.
        if isinstance(error, UnboundLocalError) and channel.over is None:
            return _verdict("wrong_answer", f"{where}: {_line(error, check, path)}")
        if not isinstance(error, RemoteError):
            raise CheckError(f"the check itself fails: {type(error).__name__}: {error}") from None
        return _verdict("exception", f"{where}: {_described(error)}")
    except RemoteError as error:
        return _verdict("exception", f"{where}: {_described(error)}")
    except CheckError:
        raise
    except MemoryError:
        return _verdict("limit", f"{where}: the answer's values do not fit into memory")
    except (Exception, pytest.fail.Exception) as error:
        # Also a TypeError or the like in the check's own line: the answer gave something of another kind.
        if channel.over is None:
            return _verdict("wrong_answer", f"{where}: {_line(error, check, path)}")
    if channel.over is not None:
        detail = channel.over.detail
        return _verdict(channel.over.outcome, detail if where == "import" else f"{where}: {detail}")
    return _verdict("pass", "")


def _described(error: RemoteError) -> str:
    return f"{error.remote_name}: {error.remote_text}" if error.remote_text else error.remote_name


def _line(error: BaseException, check: str, path: str) -> str:
    """Return the statement of the check that failed, on one line."""
    numbers = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    if not numbers or numbers[-1] is None:
        return type(error).__name__
    nodes = (node for node in ast.walk(ast.parse(check)) if isinstance(node, ast.stmt))
    around = [node for node in nodes if node.lineno <= numbers[-1] <= (node.end_lineno or node.lineno)]
    statement = ast.unparse(max(around, key=lambda node: node.lineno))
    reason = "" if isinstance(error, AssertionError) else f" ({type(error).__name__})"
    return statement.replace("\n", " ") + reason


def _verdict(outcome: str, detail: str) -> dict[str, str]:
    # Addresses, paths and control characters would make the same answer give another text elsewhere.
    detail = re.sub(r"0x[0-9a-fA-F]+", "0x…", detail)
    detail = re.sub(r"(?<![\w.])/[\w.+-]+(/[\w.+-]+)+", "…", detail)
    detail = " ".join("".join(char if char.isprintable() else " " for char in detail).split())
    return {"outcome": outcome, "detail": detail if len(detail) <= DETAIL else detail[: DETAIL - 1] + "…"}


def _end(confined: Confined) -> None:
    with suppress(OSError):
        confined.end(0)


def _complaints(confined: Confined) -> str:
    os.set_blocking(confined.complaints.fileno(), False)
    with suppress(OSError):
        return _verdict("", (confined.complaints.read() or b"").decode(errors="replace"))["detail"]
    return ""


def run_job(job: dict[str, Any]) -> dict[str, str]:
    """Judge in a fork, and leave nothing of it running."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _be_job(job, writer)
    os.close(writer)
    deadline = time.monotonic() + job["limits"]["wall_s"] + GRACE_S
    try:
        answer = _read(reader, deadline)
    finally:
        os.close(reader)
        sweep()
    if answer is None:
        return _verdict("time_out", "the time limit was reached while the check compared")
    return json.loads(answer) if answer else _verdict("limit", "the answer's values brought the check down")


def _be_job(job: dict[str, Any], writer: int) -> None:
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        cpu_s = int(job["limits"]["cpu_s"] + GRACE_S)
        for limit, value in ((resource.RLIMIT_AS, _JOB_MEMORY), (resource.RLIMIT_CPU, cpu_s)):
            resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        try:
            verdict = judge(job)
        except Exception as error:
            verdict = {"error": f"{type(error).__name__}: {error}"}
        os.write(writer, json.dumps(verdict).encode())
    finally:
        os._exit(0)


def _read(descriptor: int, deadline: float) -> bytes | None:
    data = b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            return None
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return data
        data += chunk


def sweep() -> None:
    """Kill and collect every child of this process; orphans of its children are its children too (see `main`)."""
    while True:
        for child in _children():
            with suppress(OSError):
                os.kill(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def _leave(*_: object) -> None:
    sweep()
    os._exit(0)


def probe(names: list[str]) -> dict[str, str | None]:
    """Return which of some sandboxes works here, the first if several do, or null and why none does."""
    limits = {"cpu_s": 10, "wall_s": 30.0, "memory_mib": 512, "processes": 16, "file_kib": 1024, "output_kib": 1024}
    job: dict[str, Any] = {"answer": _PROBE, "source": _PROBE_CHECK, "check": "probe", "limits": limits, "probe": True}
    reasons = []
    for name in names:
        reply = run_job(job | {"sandbox": name})
        if reply.get("outcome") == "pass":
            return {"sandbox": name, "reason": None}
        reasons.append(f"{name}: {reply.get('error') or reply.get('said') or reply.get('detail')}")
    return {"sandbox": None, "reason": "no sandbox works here (" + "; ".join(reasons) + ")"}


def main() -> None:
    """Serve jobs until standard input ends."""
    import pytest  # noqa: F401 (before the forks)

    with suppress(ImportError):
        import sandlock  # noqa: F401
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGTERM, _leave)
    if sys.platform == "linux":
        for option, value in ((_SUBREAPER, 1), (_DEATH_SIGNAL, signal.SIGTERM)):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(probe(job["names"]) if "names" in job else run_job(job)), flush=True)


if __name__ == "__main__":
    main()
