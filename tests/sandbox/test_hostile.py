"""Hostile programs (the folder beside): none escapes, none passes, none slows an honest neighbour beyond its limits.

Each program is an answer that tries to get hold of a token which a passing answer must return. The token lies where
a program that escapes would find it: in a file, in other processes' environments, behind sockets of every kind, and
in the check. Its second line says with which outcomes it may end. It is loaded whole, and where being refused is not
among them it is run even if its text would be refused, so that the walls themselves are tried.
"""

import ctypes
import os
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from distill.sandbox.refusal import refused
from distill.sandbox.run_checks import SANDBOXES, SandboxParams, Verdict, judge
from repository import ROOT
from sandboxes import LIMITS, needs

PROGRAMS = sorted((ROOT / "tests/sandbox/hostile").glob("*.py"))
HONEST = "```python\ndef answer():\n    return sum(number * number for number in range(10_000))\n```\n"
HONEST_CHECK = "from solution import answer\n\n\ndef test_answer():\n    assert answer() == 333283335000\n"
PLACES = ("/", "/tmp", "/dev/shm", "/var/tmp", "/run", "/root", "/home", "/dev", "/lib", "/etc", ".")
SUBREAPER = 36


@dataclass
class World:
    """What a program that escapes could read, write, call or kill, and what came of it."""

    folder: Path
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    name: str = field(default_factory=lambda: f"hostile-{secrets.token_hex(8)}")
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open = ExitStack()
        self.secret = self.folder / "secret"
        self.secret.write_text(self.token)
        environment = {"ANTHROPIC_API_KEY": self.token}
        self.victim = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], env=environment)
        self.port = self._serve(socket.AF_INET, ("127.0.0.1", 0)).getsockname()[1]
        with suppress(OSError):  # where there is no IPv6, nobody can connect with it
            self._serve(socket.AF_INET6, ("::1", self.port))
        self._serve(socket.AF_UNIX, f"\0{self.name}")
        self.socket = f"/tmp/{self.name}.socket"
        self._serve(socket.AF_UNIX, self.socket)
        os.chmod(self.socket, 0o777)  # noqa: S103 (it is there to be called)
        self._serve(socket.AF_INET, ("127.0.0.1", self.port), socket.SOCK_DGRAM)

    def _serve(self, family: int, address: object, kind: int = socket.SOCK_STREAM) -> socket.socket:
        server = self.open.enter_context(socket.socket(family, kind))
        server.bind(address)  # type: ignore[arg-type]
        if kind == socket.SOCK_STREAM:
            server.listen()
        thread = threading.Thread(target=self._answer, args=(server, kind, str(address)), daemon=True)
        thread.start()
        return server

    def _answer(self, server: socket.socket, kind: int, address: str) -> None:
        with suppress(OSError):
            while True:
                if kind == socket.SOCK_DGRAM:
                    server.recv(100)
                else:
                    client, _ = server.accept()
                    client.sendall(self.token.encode())
                    client.close()
                self.calls.append(address)

    def fill(self, text: str) -> str:
        """Put what this world is made of into a program."""
        values = {
            "SECRET": self.secret,
            "TARGET": self.folder / "target",
            "NAME": self.name,
            "SOCKET": self.socket,
            "PORT": self.port,
            "VICTIM": self.victim.pid,
            "JUDGE": os.getpid(),
            "HOME": Path.home(),
            "REPOSITORY": ROOT,
            "DEEP": f'" + {"(" * 5000}1{")" * 5000} + "',
            "TOKEN": "no token",
            "NOTHING": "none",
        }
        return re.sub(r"@([A-Z]+)@", lambda found: str(values[found[1]]), text)

    def harm(self) -> list[str]:
        """Say what was done to this world."""
        harm = [f"somebody called {address}" for address in self.calls]
        harm += ["the victim is dead"] if self.victim.poll() is not None else []
        harm += ["something was written"] if (self.folder / "target").exists() else []
        harm += [f"something was written to {place}" for place in PLACES if os.path.exists(f"{place}/{self.name}")]
        harm += ["the library was changed"] if self.name in Path(os.__file__).read_text() else []
        return harm + [f"process {child} was left" for child in self._left()]

    def _left(self) -> list[str]:
        """Return the processes that live on after 10 seconds; a sandbox that is killed takes a moment to end."""
        end = time.monotonic() + 10
        while True:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            orphans = [child for child in children if int(child) != self.victim.pid]
            for child in orphans:
                with suppress(ChildProcessError):
                    os.waitpid(int(child), os.WNOHANG)
            if not orphans or time.monotonic() > end:
                return orphans
            time.sleep(0.05)

    def close(self) -> None:
        """Take it down."""
        self.victim.kill()
        self.victim.wait()
        self.open.close()
        Path(self.socket).unlink(missing_ok=True)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", world.token)
    # Orphans of the judge become children of this process, so that none is overlooked.
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    yield world
    ctypes.CDLL(None).prctl(SUBREAPER, 0, 0, 0, 0)
    world.close()


@dataclass(frozen=True)
class Program:
    name: str
    expected: set[str]
    wall_s: float
    answer: str
    check: Path

    @classmethod
    def read(cls, path: Path, world: World) -> "Program":
        text = path.read_text()
        head = dict.fromkeys(("expected", "wall", "check"), "")
        for key, value in re.findall(r"^# (\w+): (.*)$", text, re.MULTILINE):
            head[key] += ("\n    " if head[key] else "") + value.strip()
        body = head["check"] or "assert answer() == TOKEN"
        check = world.folder / f"check_{path.name}"
        check.write_text(
            f'from solution import answer\n\nTOKEN = "{world.token}"\n\n\ndef test_answer():\n    {body}\n'
        )
        filled = f"```python\n{world.fill(text)}\n```\n"
        return cls(path.stem, set(head["expected"].split("|")), float(head["wall"] or 0), filled, check)


def judge_with_neighbours(programs: list[Program], sandbox: str, world: World, wall_s: float) -> dict[str, Verdict]:
    """Judge programs, with an honest answer after every seventh of them."""
    check = world.folder / "honest.py"
    check.write_text(HONEST_CHECK)
    honest = Program("honest", {"pass"}, 0, HONEST, check)
    jobs = [job for number, one in enumerate(programs) for job in ([one, honest] if number % 7 == 0 else [one])]
    params = limits(wall_s)
    answers, checks = [job.answer for job in jobs], [job.check for job in jobs]
    verdicts = judge(answers, checks, params, workers=2, sandbox=sandbox, whole=True)
    neighbours = [verdict for job, verdict in zip(jobs, verdicts, strict=True) if job is honest]
    assert len(neighbours) >= 30
    assert set(neighbours) == {Verdict("pass", "")}
    return {job.name: verdict for job, verdict in zip(jobs, verdicts, strict=True) if job is not honest}


def limits(wall_s: float) -> SandboxParams:
    return SandboxParams.model_validate({**LIMITS, "wall_s": wall_s})


def read_programs(world: World) -> tuple[list[Program], list[Program]]:
    """Return the programs, and those of them that are to be refused."""
    programs = [Program.read(path, world) for path in PROGRAMS]
    return programs, [program for program in programs if program.expected == {"refused"}]


def test_what_reaches_for_the_runner_is_refused(world: World) -> None:
    _, programs = read_programs(world)
    verdicts = judge([one.answer for one in programs], [one.check for one in programs], limits(60.0), whole=True)
    assert {one.name: verdict.outcome for one, verdict in zip(programs, verdicts, strict=True)} == {
        one.name: "refused" for one in programs
    }
    assert all(verdict.detail for verdict in verdicts)
    assert world.harm() == []


def refused_if_expected(source: str) -> str | None:
    return refused(source) if re.search("^# expected: .*refused", source, re.MULTILINE) else None


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_hostile_programs(sandbox: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(sandbox)
    monkeypatch.setattr("distill.sandbox.extract_code.refused", refused_if_expected)
    every, never_run = read_programs(world)
    programs = [program for program in every if program not in never_run]
    # Those that wait for the clock have little of it; the others, and their neighbours, enough on a busy machine.
    waiting = [program for program in programs if program.wall_s]
    verdicts = judge_with_neighbours([one for one in programs if not one.wall_s], sandbox, world, 60.0)
    answers, checks = [one.answer for one in waiting], [one.check for one in waiting]
    late = judge(answers, checks, limits(2.0), workers=len(waiting), sandbox=sandbox, whole=True)
    verdicts |= {one.name: verdict for one, verdict in zip(waiting, late, strict=True)}
    wrong = {one.name: verdicts[one.name] for one in programs if verdicts[one.name].outcome not in one.expected}
    assert wrong == {}
    assert "pass" not in {verdict.outcome for verdict in verdicts.values()}
    assert world.harm() == []


def test_the_suite_is_large_and_says_what_it_expects(tmp_path: Path) -> None:
    assert len(PROGRAMS) >= 30
    for path in PROGRAMS:
        assert re.match(r'""".+"""\n# expected: [a-z_|]+\n', path.read_text()), path.name
        assert "pass" not in path.read_text().splitlines()[1], path.name


CHANGES_ITS_ARGUMENT = """```python
from bisect import bisect_left


def longest_increasing_subsequence(values):
    tails = []
    for value in values:
        spot = bisect_left(tails, value)
        tails[spot : spot + 1] = [value]
    values[:] = tails
    return tails
```
"""


def test_a_result_is_not_compared_with_an_argument_that_the_answer_changed() -> None:
    """The tails of patience sorting have the right length and are no subsequence, unless the argument becomes them."""
    check = ROOT / "data/checks/longest-increasing-subsequence.py"
    verdict = judge([CHANGES_ITS_ARGUMENT], [check], limits(60.0))[0]
    assert verdict.outcome == "wrong_answer"


def test_a_variable_of_the_check_that_stays_unset_is_the_answer_s_fault(tmp_path: Path) -> None:
    check = tmp_path / "check.py"
    check.write_text("from solution import f\n\n\ndef test_f():\n    for x in f():\n        last = x\n"
                     "    assert last == 3\n")  # fmt: skip
    answers = [f"```python\ndef f():\n    return {value}\n```" for value in ("[1, 3]", "[]")]
    outcomes = [verdict.outcome for verdict in judge(answers, [check] * 2, limits(60.0))]
    assert outcomes == ["pass", "wrong_answer"]
