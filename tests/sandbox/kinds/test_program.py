"""program: a command of one's own decides by its status, and reaches its folder and the system's commands alone."""

import os
import time
from pathlib import Path

import pytest

from distill.common.errors import InputError
from distill.sandbox.run_checks import SANDBOXES, SandboxParams, Verdict
from sandboxes import LIMITS, needs, put, written

PASS = Verdict("pass", "")
SCRIPT = """
import sys
from helper import wanted
text = sys.stdin.read()
if text == "crash":
    sys.exit(3)
if text == "no number":
    int(text)
if text != wanted():
    print("it is not what was wanted")
    sys.exit(1)
"""
REACHES = """
import os, socket, sys
done = []
def attempt(name, function, *arguments):
    try:
        function(*arguments)
    except OSError:
        return
    done.append(name)
attempt("files", open, sys.stdin.read())
attempt("passwd", open, "/etc/passwd")
attempt("write", open, "new", "w")
attempt("remove", os.remove, "check.py")
attempt("network", socket.create_connection, ("127.0.0.1", 80))
attempt("kill", os.kill, os.getppid(), 0) if os.getppid() > 1 else None
done += [name for name in os.environ if "KEY" in name]
print(*done)
sys.exit(bool(done))
"""


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_script_in_its_folder(sandbox: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(sandbox)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    (folder := tmp_path / "c").mkdir()
    (folder / "check.py").write_text(SCRIPT)
    (folder / "helper.py").write_text("def wanted():\n    return open('wanted.txt').read()\n")
    (folder / "wanted.txt").write_text("right ÄÖ\n")
    (folder / "reaches.py").write_text(REACHES)
    tmp_path.chmod(0o755)
    check = written(tmp_path / "c.yaml", {"kind": "program", "command": ["python", "check.py"]})
    other = ["\0", "\ud800", "wrong\r\n", '"; exit 0; "', "$(exit 0)"]
    assert {one.outcome for one in put(check, *other, sandbox=sandbox).values()} == {"wrong_answer"}
    assert put(check, "right ÄÖ\n", "wrong", "crash", "no number", "x" * 1_000_000, sandbox=sandbox) == {
        "right ÄÖ\n": PASS,
        "wrong": Verdict("wrong_answer", "it is not what was wanted"),
        "crash": Verdict("exception", "the command ended with status 3, not 0 or 1:"),
        "no number": Verdict(
            "exception",
            "the command ended with status 2, not 0 or 1: ValueError: invalid literal for int() with base 10: "
            "'no number'",
        ),
        "x" * 1_000_000: Verdict("wrong_answer", "it is not what was wanted"),
    }
    check = written(tmp_path / "d.yaml", {"kind": "program", "command": ["python3", "reaches.py"], "folder": "c"})
    assert put(check, str(check), sandbox=sandbox) == {str(check): PASS}


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_commands_of_the_system(sandbox: str, tmp_path: Path) -> None:
    needs(sandbox)
    (folder := tmp_path / "shell").mkdir()
    (folder / "check.sh").write_text("#!/bin/sh\nsort | uniq -d | grep -q twice\n")
    (folder / "check.sh").chmod(0o755)
    shell = {"kind": "program", "command": ["./check.sh"], "folder": "shell"}
    grep = {"kind": "program", "command": ["grep", "-q", "^yes"]}
    assert list(put(written(tmp_path / "a.yaml", shell), "twice\nx\ntwice\n", "twice\n", sandbox=sandbox).values()) == [
        PASS,
        Verdict("wrong_answer", "the command says no"),
    ]
    assert put(written(tmp_path / "b.yaml", grep), "yes", sandbox=sandbox) == {"yes": PASS}


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_limits_bind_and_nothing_is_left(sandbox: str, tmp_path: Path) -> None:
    needs(sandbox)
    nap = f"{os.getpid()}.{int(time.time())}"
    check = written(tmp_path / "c.yaml", {"kind": "program", "command": ["sh"]})
    expected = {
        f"sleep {nap} >/dev/null & exit 0": {"pass"},
        f"sleep {nap}": {"time_out"},
        "while :; do :; done": {"time_out"},
        "yes": {"limit"},
        "kill -9 $$": {"limit"},
        "f() { f | f & f; }; f": {"time_out", "exception", "limit"},
        "exit 7": {"exception"},
    }
    params = SandboxParams.model_validate({**LIMITS, "wall_s": 5.0})
    verdicts = put(check, *expected, sandbox=sandbox, params=params)
    assert {one: verdict for one, verdict in verdicts.items() if verdict.outcome not in expected[one]} == {}
    end = time.monotonic() + 10
    while left := [path for path in Path("/proc").glob("[0-9]*/cmdline") if nap.encode() in read(path)]:
        assert time.monotonic() < end, left
        time.sleep(0.05)


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # processes come and go
        return b""


def test_a_command_that_cannot_be_started_is_the_check_s_fault(tmp_path: Path) -> None:
    (folder := tmp_path / "c").mkdir()
    (folder / "check").write_text("no program")
    (folder / "check").chmod(0o755)
    check = written(tmp_path / "c.yaml", {"kind": "program", "command": ["./check"]})
    with pytest.raises(InputError, match=r"c\.yaml: command: .*/c/check cannot be started \(Exec format error\)"):
        put(check, "x")
