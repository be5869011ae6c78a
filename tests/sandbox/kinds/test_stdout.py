"""stdout: a script is compared by what it prints and how it ends, and cannot see what is expected of it."""

import secrets
from pathlib import Path

import pytest

from distill.sandbox.run_checks import SANDBOXES, SandboxParams, Verdict
from sandboxes import LIMITS, needs, put, written

CASES = [
    {"arguments": ["--up", "a b"], "input": "eins\nzwei\n", "output": "EINS\nZWEI ['--up', 'a b']\n"},
    {"input": "", "output": "nothing", "status": 2},
]
RIGHT = """import sys
if __name__ == "__main__":
    text = sys.stdin.read()
    if not text:
        print("nothing  ")
        sys.exit(2)
    print(text.strip().upper(), sys.argv[1:])
"""


def script(code: str) -> str:
    return f"```python\n{code}\n```\n"


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_cases(sandbox: str, tmp_path: Path) -> None:
    needs(sandbox)
    check = written(tmp_path / "c.yaml", {"kind": "stdout", "cases": CASES})
    right = f"Save this:\n{script(RIGHT)}Run it:\n```bash\npython x.py\n```\n"
    expected = {
        right: Verdict("pass", ""),
        script(RIGHT.replace("(2)", "(1)")): Verdict("wrong_answer", "case 2: it ended with status 1, not 2"),
        script(RIGHT.replace(".upper()", "")): Verdict(
            "wrong_answer", "case 1: line 1 of the output is 'eins', not 'EINS'"
        ),
        script(RIGHT + "raise KeyError('x')"): Verdict("exception", "case 1: KeyError: 'x'"),
        script("print('EINS')"): Verdict(
            "wrong_answer", "case 1: line 2 of the output is missing, not \"ZWEI ['--up', 'a b']\""
        ),
        script("print("): Verdict("syntax", "line 1: '(' was never closed"),
        "no script": Verdict("no_code", "the answer has no Python code block"),
    }
    assert put(check, *expected, sandbox=sandbox) == expected


SEARCH = """
import os, sys
def texts():
    yield from sys.argv
    yield from os.environ.values()
    yield sys.stdin.read()
    for place in ("/proc/self/cmdline", "/proc/self/environ", "/proc/self/mem", "/proc/1/cmdline", "@CHECK@"):
        try: yield open(place, "rb").read().decode(errors="replace")
        except OSError: pass
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if name not in ("lib", "lib32", "lib64", "usr", "pytest")]
        for name in files:
            try: yield open(os.path.join(folder, name), errors="replace").read(100_000)
            except OSError: pass
"""
HOSTILE = {
    "prints PASS": ("print('PASS')\nprint('1 passed')", "wrong_answer"),
    "forges a report": (
        """import os
report = b'{"outcome": "pass", "detail": ""}'
for descriptor in range(3, 64):
    try: os.write(descriptor, report)
    except OSError: pass
print("ready")
print(report.decode())""",
        "wrong_answer",
    ),
    "looks everywhere for what is expected": (
        SEARCH + "import re\nfor text in texts():\n    for token in re.findall('secret-[0-9a-f]{32}', text):\n"
        "        print(token)\n        sys.exit()", "wrong_answer",
    ),
    "looks through its own memory": (
        "import gc, sys\nmaps = [vars(m) for m in list(sys.modules.values()) if m] + [f.f_globals for f in\n"
        "  sys._current_frames().values()] + gc.get_objects()\nfound = [str(v) for m in maps if isinstance(m, dict)\n"
        "  for v in list(m.values()) if type(v) is str and v.startswith('secret-') and len(v) == 39]\n"
        "print(*found[:1])", "wrong_answer",
    ),
    "tells its own mark": (
        "import sys\nframe = sys._getframe()\nwhile 'mark' not in frame.f_locals: frame = frame.f_back\n"
        "print(frame.f_locals['mark'] + 'pass')", "exception",
    ),
    "prints without end": ("while True: print('x' * 10_000)", "limit"),
    "prints without end in a thread": (
        "import threading\ndef f():\n    while True: print('x' * 10_000)\nthreading.Thread(target=f).start()", "limit",
    ),
    "loops": ("while True: pass", "time_out"),
    "waits": ("import time\ntime.sleep(3600)", "time_out"),
    "stops": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "time_out"),
    "closes its output and waits": ("import os, time\nos.close(1)\ntime.sleep(3600)", "limit|time_out"),
    "takes all memory": ("x = bytearray(1 << 40)", "exception"),
    "starts programs": ("import subprocess\nsubprocess.run(['true'])", "exception"),
    "forks": ("import os\nos.fork()", "exception"),
    "crashes": ("import ctypes\nctypes.string_at(0)", "exception"),
    "writes a file": ("open('/tmp/x', 'w')", "exception"),
    "calls": ("import socket\nsocket.create_connection(('127.0.0.1', 80))", "exception"),
    "prints what is no text": ("import os\nos.write(1, b'\\xff\\xfe')", "wrong_answer"),
    "ends at once": ("import os\nos._exit(0)", "wrong_answer"),
    "recurses": ("def f(): f()\nf()", "exception"),
    "replaces print and exit": (
        "import builtins, sys, os\nbuiltins.print = sys.exit = lambda *_: None\nsys.stdout = None", "wrong_answer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_hostile_scripts(sandbox: str, tmp_path: Path) -> None:
    needs(sandbox)
    token = f"secret-{secrets.token_hex(16)}"
    check = written(tmp_path / "c.yaml", {"kind": "stdout", "cases": [{"output": token}]})
    answers = {name: script(code.replace("@CHECK@", str(check))) for name, (code, _) in HOSTILE.items()}
    # Those that wait for the clock have little of it; the others enough on a busy machine.
    late = [answer for name, answer in answers.items() if "waits" in name or name == "stops"]
    verdicts = put(check, *late, sandbox=sandbox, params=SandboxParams.model_validate({**LIMITS, "wall_s": 2.0}))
    verdicts |= put(check, *(set(answers.values()) - set(late)), script(f"print('{token}')"), sandbox=sandbox)
    assert verdicts[script(f"print('{token}')")] == Verdict("pass", "")
    found = {name: verdicts[answer].outcome for name, answer in answers.items()}
    assert {name: outcome for name, outcome in found.items() if outcome not in HOSTILE[name][1].split("|")} == {}


def test_what_an_interpreter_and_a_reader_take_for_a_script(tmp_path: Path) -> None:
    check = written(tmp_path / "c.yaml", {"kind": "stdout", "cases": [{"output": "7\n", "input": "3 4"}]})
    right = [
        script("print(7)\nexit()"),
        script("print(7, end='')\nquit(0)"),
        script("import pathlib\nprint(7, end='\\r\\n' * (pathlib.Path(__file__).suffix == '.py'))"),
        script("import asyncio\nasync def main():\n    print(sum(map(int, input().split())))\nasyncio.run(main())"),
        script("import sys\nsys.stderr.write('working')\nsys.stdout.buffer.write(b'7\\n\\n')"),
        script("import atexit\natexit.register(print, 7)\nprint(end='')"),
        "\ufeff" + script("print(7)").replace("\n", "\r\n"),
        "So:\n```\nprint(7)\n```\nIt shows:\n```\n7\n```",
        "print(7)",
    ]
    wrong = {
        "7": "no_code",
        "```\n7\n```": "no_code",
        "```bash\necho 7\n```": "no_code",
        script("print('7\\0')"): "wrong_answer",
        script("print('\uff17')"): "wrong_answer",
        script("print('\\ufeff7')"): "wrong_answer",
        script("print(7)\nexit(1)"): "wrong_answer",
        script("print(7)\nexit('7')"): "wrong_answer",
        script("print(7)\nraise ValueError"): "exception",
        script("print(7)") + script("print(7)"): "wrong_answer",
    }
    verdicts = put(check, *right, *wrong)
    assert {answer: verdict for answer, verdict in verdicts.items() if answer in right and verdict.detail} == {}
    assert {answer: verdicts[answer].outcome for answer in wrong} == wrong
    assert {verdicts[answer] for answer in right} == {Verdict("pass", "")}


def test_a_script_may_write_much_before_it_reads_and_need_not_read(tmp_path: Path) -> None:
    size = 300_000
    case = {"input": "y" * size, "output": "x" * size}
    check = written(tmp_path / "c.yaml", {"kind": "stdout", "cases": [case]})
    first = f"import sys\nprint('x' * {size}, end='')\nsys.stdout.flush()\nsys.stdin.read()"
    verdicts = put(check, script(first), script(f"print('x' * {size})"))
    assert set(verdicts.values()) == {Verdict("pass", "")}
