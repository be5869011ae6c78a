"""distill.api.ledger.opening: where the ledger lies, who holds it, and what happens to a corrupt one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api_samples import call, message, pay, record
from collecting import Folder, folder
from distill.api.ledger import ballast, opening
from distill.api.ledger.ledger import Ledger
from distill.api.ledger.opening import hold
from distill.api.ledger.salvage import set_aside
from distill.common.errors import InputError, TeacherError
from messages_server import MessagesServer
from repository import ROOT


def test_location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = tmp_path / "repo"
    (repo / ".dvc").mkdir(parents=True)
    (repo / "deep/down").mkdir(parents=True)
    monkeypatch.chdir(repo / "deep/down")
    assert opening.location() == repo / ".distill/ledger.sqlite"
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert opening.location() == tmp_path / "main/.distill/ledger.sqlite"
    monkeypatch.setenv("DISTILL_LEDGER", str(tmp_path / "safe.sqlite"))
    assert opening.location() == tmp_path / "safe.sqlite"
    monkeypatch.delenv("DISTILL_LEDGER")
    monkeypatch.delenv("DVC_ROOT")
    monkeypatch.chdir(tmp_path)
    assert opening.location() == tmp_path / ".distill/ledger.sqlite"


def test_the_ledger_is_ignored_by_git_and_dvc() -> None:
    assert "/.distill/" in (ROOT / ".gitignore").read_text().splitlines()
    assert ".distill" in (ROOT / ".dvcignore").read_text().splitlines()


def test_one_holder(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with hold(path), pytest.raises(TeacherError, match=rf"in use by process {os.getpid()} \("), hold(path):
        pass
    with hold(path):
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ledger.sqlite", "ledger.sqlite.lock"]


def test_a_dead_holder_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    code = (f"import os, pathlib; from distill.api.ledger.opening import hold\n"
            f"with hold(pathlib.Path({str(path)!r})): os.kill(os.getpid(), 9)")  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (tmp_path / "ledger.sqlite.holder").exists()
    with hold(path) as ledger:
        assert ledger.states() == {}


def test_what_a_killed_run_left(tmp_path: Path) -> None:
    """Unparsed responses are parsed; online calls in flight are lost, batches' calls are still open."""
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    for key, via, raw in (("a", "online", message("Yes.")), ("b", "online", b"<"), ("c", "online", None),
                          ("d", "batch", None)):  # fmt: skip
        made = call(ledger, key, via)
        record(ledger, made, raw)
    ledger.close()
    with hold(path) as ledger:
        assert ledger.states() == {"lost": 1, "paid": 1, "sent": 1, "unreadable": 1}
        found = ledger.find("a")
        assert found is not None
        assert found.answer.text == "Yes."


def test_a_newer_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger._connection.execute("PRAGMA user_version = 99")
    ledger.close()
    with pytest.raises(InputError, match="newer version"), hold(path):
        pass
    assert path.exists()


def make(path: Path, answers: int) -> None:
    ledger = Ledger(path)
    for number in range(answers):
        pay(ledger, f"key-{number}", message(f"Answer {number}. " + "x" * 3000))
    ledger.close()


@pytest.mark.parametrize("damage", ["header", "middle", "cut"])
def test_a_corrupt_ledger_is_kept_aside_and_read_as_far_as_it_goes(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ledger.sqlite"
    make(path, 200)
    raw = bytearray(path.read_bytes())
    if damage == "header":
        raw[:100] = os.urandom(100)
    if damage == "middle":
        raw[300_000:310_000] = os.urandom(10_000)
    if damage == "cut":
        del raw[len(raw) // 2 :]
    path.write_bytes(raw)
    with hold(path) as ledger:
        aside = tmp_path / "ledger.sqlite.corrupt-1"
        assert set_aside(path) == aside
        assert aside.read_bytes() == raw
        found = [stored for number in range(200) if (stored := ledger.find(f"key-{number}"))]
        texts = {stored.answer.text[:10] for stored in found}
        rescued = {"header": 200, "middle": 195, "cut": 95}[damage]
        assert rescued <= len(texts) <= 200
    assert f"the ledger is corrupt; it is kept as {aside}" in capsys.readouterr().err


def test_a_second_corrupt_ledger_does_not_replace_the_first(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    for number in (1, 2):
        path.write_bytes(b"rubbish" * 1000 * number)
        with hold(path):
            assert set_aside(path) == Path(f"{path}.corrupt-{number}")


def move_away(made: Folder) -> None:
    """Move the corrupt ledger away, as the error asks for."""
    Path(f"{made.ledger}.corrupt-1").rename(made.path / "looked-at")


STOP = "answers are missing after the ledger was rebuilt; restore a backup"


def test_a_corrupt_ledger_stops_the_stage_before_it_pays_again(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made: Folder = folder(tmp_path, server.url, prompts=10)
        assert made.run().status == 0
        made.ledger.write_bytes(b"rubbish" * 1000)
        ran = made.run()
        assert ran.status == 1
        assert f"10 {STOP} of {made.ledger}.corrupt-1, or move that file elsewhere to pay for them" in ran.stderr
        assert made.run().status == 1
        assert len(server.answered) == 10
        move_away(made)
        assert made.run().status == 0
        assert len(server.answered) == 20


def test_no_room_for_the_ballast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ballast, "BYTES", 10**18)
    with pytest.raises(OSError, match="ledger"), hold(tmp_path / "ledger.sqlite"):
        pass
    assert not (tmp_path / "ledger.sqlite").exists()


def corrupt(made: Folder) -> None:
    """Overwrite the ledger, of which a part can still be read, or nothing."""
    made.ledger.write_bytes(b"rubbish" * 1000)


@pytest.mark.parametrize("renames", range(4))
def test_a_kill_while_the_ledger_is_rebuilt_is_no_way_past_the_stop(tmp_path: Path, renames: int) -> None:
    """Killed at the first answer that is copied, and at each renaming."""
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=200)
        assert made.run().status == 0
        raw = bytearray(made.ledger.read_bytes())
        raw[100_000:110_000] = os.urandom(10_000)
        made.ledger.write_bytes(raw)
        code = ("import os, sys, distill.api.ledger.salvage\n"
                "from distill.collect import stage as collect\n"
                "from distill.api.ledger.ledger import Ledger\n"
                "calls = []\n"
                "def kill_at(wrapped, number):\n"
                "    def wrapper(*arguments):\n"
                "        calls.append(1)\n"
                "        if len(calls) > number: os.kill(os.getpid(), 9)\n"
                "        return wrapped(*arguments)\n"
                "    return wrapper\n"
                f"number = {renames}\n"
                "if number: os.rename = kill_at(os.rename, number - 1)\n"
                "else: Ledger.restore = kill_at(Ledger.restore, 0)\n"
                "sys.argv = ['collect']\n"
                "collect.main()\n")  # fmt: skip
        process = made.start("-c", code)
        process.communicate()
        assert process.returncode == -9
        ran = made.run()
        assert STOP in ran.stderr
        assert ran.status == 1
        assert len(server.answered) == 200
        assert Path(f"{made.ledger}.corrupt-1").read_bytes() == raw
        assert not [file for file in made.ledger.parent.iterdir() if "rebuil" in file.name or "-2" in file.name]
        with hold(made.ledger) as ledger:
            assert ledger.states()["paid"] > 100
        move_away(made)
        assert made.run().status == 0
        assert len(server.answered) < 300


@pytest.mark.parametrize("command", [["distill.estimate"], ["distill.ledger", "import", "none.jsonl"]])
def test_no_other_command_takes_the_stop_away(tmp_path: Path, command: list[str]) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=5)
        made.sources(*(f"Prompt number {number}?" for number in range(5)))
        (tmp_path / "none.jsonl").write_text("")
        assert made.run().status == 0
        corrupt(made)
        process = made.start("-m", *command)
        _, stderr = process.communicate()
        assert process.returncode == 0, stderr
        assert "the ledger is corrupt; it is kept as" in stderr
        ran = made.run()
        assert f"5 {STOP}" in ran.stderr
        assert "ledger.sqlite.corrupt-1" in ran.stderr
        assert len(server.answered) == 5
        move_away(made)
        assert made.run().status == 0
        assert len(server.answered) == 10
