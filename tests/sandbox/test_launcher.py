"""The sandboxes themselves: what a confined program sees, what binds it, and what is said where none works."""

import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from distill.sandbox import launcher, programs, run_checks
from distill.sandbox.kinds.python import program
from distill.sandbox.launcher import Limits, SandboxError
from distill.sandbox.run_checks import SANDBOXES
from repository import ROOT
from sandboxes import needs

LIMITS = Limits(cpu_s=5, memory_mib=256, processes=8, file_kib=64)


REPORTING = """
import json
try:
    space = {{}}
    exec({text!r}, space)
    said = {{"result": space.get("result")}}
except BaseException as error:
    said = {{"raised": [type(error).__name__, str(error)]}}
raise LookupError(json.dumps(said))
"""


class Inside:
    """Runs texts as answers, each in a new confined program; returns their `result`, or what they raised."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, text: str) -> Any:
        with closing(Program(self.name)) as started:
            started.load(REPORTING.format(text=text))
            detail = started.report()["detail"].removeprefix("import: LookupError: ")
        said = json.loads(detail)
        return said["result"] if "result" in said else tuple(said["raised"])


class Program:
    """A confined program that puts an answer to a pytest file, and its pipes."""

    def __init__(self, name: str) -> None:
        self.confined = launcher.start(name, LIMITS, program())
        self.rest = b""

    def load(self, solution: str, check: str = "def test_it(): pass") -> None:
        job = {"nonce": "n", "solution": solution, "check": check}
        self.confined.requests.write(json.dumps(job).encode() + b"\n")

    def message(self) -> Any:
        """Return the next message."""
        while b"\n" not in self.rest:
            assert select.select([self.confined.replies], [], [], 60)[0]
            chunk = self.confined.replies.read(1 << 16)
            assert chunk, f"the program ended: {self.confined.end(1)}, {self.confined.complaints.read()!r}"
            self.rest += chunk
        line, _, self.rest = self.rest.partition(b"\n")
        return json.loads(line)

    def report(self) -> Any:
        """Return the message that has the outcome."""
        while "outcome" not in (message := self.message()):
            pass
        return message

    def close(self) -> None:
        self.confined.end(0)
        self.confined.requests.close()
        self.confined.replies.close()
        self.confined.complaints.close()


@pytest.fixture(params=SANDBOXES)
def inside(request: pytest.FixtureRequest) -> Inside:
    needs(request.param)
    return Inside(request.param)


def test_sees_only_the_interpreter_and_system_libraries(inside: Inside) -> None:
    assert inside("import json, decimal, unittest; result = json.dumps([1])") == "[1]"
    assert inside("import yaml")[0] == "ModuleNotFoundError"
    assert inside("import distill")[0] == "ModuleNotFoundError"
    for path in (
        Path(__file__),
        Path(launcher.__file__),
        "/etc/passwd",
        Path(pytest.__file__).parent.parent / "yaml/__init__.py",
    ):
        assert inside(f"open({str(path)!r})")[0] in ("FileNotFoundError", "PermissionError")


def test_visible_paths_are_of_the_base_interpreter_and_hold_no_person_s_files() -> None:
    paths = programs.visible(program())
    assert os.path.realpath(sys.executable) in paths or any(
        os.path.realpath(sys.executable).startswith(f"{path}/") for path in paths
    )
    assert str(Path(pytest.__file__).resolve().parent) in paths
    for private in (
        Path(__file__),
        Path(pytest.__file__).parent.parent,
        Path(yaml.__file__),
        Path.home() / "x",
        Path("/tmp/x"),
    ):
        assert not any(private.is_relative_to(path) for path in paths)
    assert "/" not in paths
    assert "/usr" not in paths


def test_has_no_environment_and_hashes_alike(inside: Inside) -> None:
    names = inside("import os; result = sorted(os.environ)")
    assert set(names) <= {"LC_ALL", "LC_CTYPE", "MALLOC_ARENA_MAX", "PWD", "PYTEST_VERSION", "PYTHONHASHSEED"}
    # PYTHONHASHSEED=0: the order of a set of strings, and so a printed answer, is the same in every run.
    expected = subprocess.run(
        [sys.executable, "-c", "print(hash('answer'))"], env={"PYTHONHASHSEED": "0"}, capture_output=True, check=True
    )
    assert inside("result = str(hash('answer'))") == expected.stdout.decode().strip()


def test_limits_bind_and_cannot_be_raised(inside: Inside) -> None:
    assert inside("import resource; result = resource.getrlimit(resource.RLIMIT_AS)") == [256 << 20, 256 << 20]
    assert inside("import resource; result = resource.getrlimit(resource.RLIMIT_CPU)") == [5, 6]
    assert inside("import resource; result = resource.getrlimit(resource.RLIMIT_FSIZE)") == [65536, 65536]
    assert inside("import resource; result = resource.getrlimit(resource.RLIMIT_CORE)") == [0, 0]
    assert inside("import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))")[0] == "ValueError"
    assert inside("result = len(bytearray(100 << 20))") == 100 << 20
    assert inside("bytearray(300 << 20)")[0] == "MemoryError"


def test_threads_yes_but_not_many_and_no_processes(inside: Inside) -> None:
    start = "import threading, time\nthreads = [threading.Thread(target=time.sleep, args=(2,)) for _ in range({})]\n"
    run = "for thread in threads: thread.start()\nfor thread in threads: thread.join()\nresult = 'joined'"
    assert inside(start.format(5) + run) == "joined"
    assert inside(start.format(200) + run) == ("RuntimeError", "can't start new thread")
    assert inside("import os; os.fork()") == ("PermissionError", "[Errno 1] Operation not permitted")
    assert inside("import subprocess; subprocess.run(['true'])")[0] in ("PermissionError", "FileNotFoundError")


@pytest.mark.parametrize("name", SANDBOXES)
def test_programs_that_run_together_do_not_share_one_limit_of_threads(name: str) -> None:
    needs(name)
    text = "import threading, time\nthreads = [threading.Thread(target=time.sleep, args=(60,)) for _ in range(5)]\n"
    text += "for thread in threads: thread.start()"
    nap = "def test_nap():\n    import time\n    time.sleep(60)"
    with closing(Program(name)) as one, closing(Program(name)) as other:
        for started in (one, other):
            started.load(text, nap)
            assert [started.message()["at"] for _ in range(2)] == ["import", "test_nap"]


def test_is_nobody_and_never_root(inside: Inside) -> None:
    user = inside("import os; result = os.getuid()")
    assert user != 0
    if os.geteuid() == 0:
        assert user >= launcher.FIRST_USER
    assert inside("import os; os.setuid(0)")[0] in ("PermissionError", "OSError")  # OSError: not in this namespace


@pytest.mark.parametrize("name", SANDBOXES)
def test_says_how_a_program_ended(name: str) -> None:
    needs(name)
    for text, status in (("import os; os._exit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -9), ("", -9)):
        started = Program(name)
        started.load(text or "import time; time.sleep(60)")
        assert started.confined.end(20 if text else 0.5) == status
        assert started.confined.complaints.read() == b""
        started.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's programs have a user of their own, by which to find traces")
@pytest.mark.parametrize("how", ["ends by itself", "is ended", "is ended while it starts"])
def test_sandlock_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    needs("sandlock")
    user = launcher.FIRST_USER + secrets.randbelow(1 << 20)
    monkeypatch.setattr(launcher, "_unused_user", lambda: user)

    def traces() -> list[str]:
        shared = [line for name in ("shm", "sem") for line in Path("/proc/sysvipc", name).read_text().splitlines()]
        # sandlock's process is not told of this one's TMPDIR.
        places = {Path(tempfile.gettempdir()), Path("/tmp")}
        folders = [folder for place in places for folder in place.glob("distill-sandbox-*")]
        return [line for line in shared if f" {user} " in line] + [path.name for path in folders if owner(path) == user]

    confined = launcher.start("sandlock", LIMITS, program())
    with confined.requests, confined.replies, confined.complaints:
        if how != "is ended while it starts":
            nap = "def test_nap():\n    import time\n    time.sleep(0.5)"
            confined.requests.write(json.dumps({"nonce": "n", "solution": "", "check": nap}).encode() + b"\n")
            assert confined.replies.read(1 << 16)
            assert len(traces()) == 5  # two segments of memory, two sets of semaphores, one folder
        confined.requests.close()
        assert confined.end(60 if how == "ends by itself" else 0) == (0 if how == "ends by itself" else -9)
    assert traces() == []


def owner(path: Path) -> int | None:
    with suppress(FileNotFoundError):  # other tests' folders come and go
        return path.stat().st_uid
    return None


def test_where_sandlock_is_not_installed_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [path for path in sys.path if "site-packages" not in path])
    confined = launcher.start("sandlock", LIMITS, program())
    assert confined.end(60) == 1
    with confined.requests, confined.replies, confined.complaints:
        assert confined.complaints.read() == b"ModuleNotFoundError: No module named 'sandlock'\n"


def test_bubblewrap_must_be_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SandboxError, match="bwrap is not on PATH"):
        launcher.start("bubblewrap", LIMITS, program())


def test_other_machines_and_systems_run_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    with pytest.raises(SandboxError, match="no system call table for s390x"):
        launcher.start("sandlock", LIMITS, program())
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(SandboxError, match="sandboxes need Linux"):
        launcher.start("sandlock", LIMITS, program())
    run_checks.available.cache_clear()
    assert run_checks.unavailable() == "no sandbox works here (sandboxes need Linux)"
    run_checks.available.cache_clear()


def test_where_bubblewrap_fails_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A bwrap that may not make namespaces, as in many containers.
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    run_checks.available.cache_clear()
    name, reason = run_checks.available(("bubblewrap",))
    run_checks.available.cache_clear()
    assert name is None
    assert reason == "no sandbox works here (bubblewrap: bwrap: No permissions to create new namespace)"


ADOPTS = """
import ctypes, sys, threading
from pathlib import Path
from distill.sandbox import run_checks
from sandboxes import LIMITS

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
Path("check.py").write_text("from solution import f\\n\\n\\ndef test_f():\\n    assert f() == 1\\n")
bodies = ["return 1", "import os; os._exit(0)", "while True: pass"] * 2
answers = [f"```python\\ndef f():\\n    {body}\\n```" for body in bodies]
params = run_checks.SandboxParams.model_validate({**LIMITS, "wall_s": 3.0, "cpu_s": 60})
run_checks.judge(answers, [Path("check.py")] * 6, params, sandbox=sys.argv[1])
print("left:", *[path.read_text() for path in Path("/proc/self/task").glob("*/children")])
"""


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_caller_that_adopts_orphans_is_left_none(sandbox: str, tmp_path: Path) -> None:
    needs(sandbox)
    command = [sys.executable, "-c", ADOPTS, sandbox]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests/support")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.stdout.strip(), done.stderr) == ("left:", "")
