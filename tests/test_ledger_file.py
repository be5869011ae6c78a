"""distill.ledger_file: where the ledger lies, who holds it, and what happens to a corrupt one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from collecting import Folder, folder
from distill import ledger_file
from distill.errors import InputError, TeacherError
from distill.ledger import Ledger, Op, parsed, received, sent
from distill.ledger_file import hold
from messages_server import MessagesServer
from test_ledger import call, message


def test_location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = tmp_path / "repo"
    (repo / ".dvc").mkdir(parents=True)
    (repo / "deep/down").mkdir(parents=True)
    monkeypatch.chdir(repo / "deep/down")
    assert ledger_file.location() == repo / ".distill/ledger.sqlite"
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert ledger_file.location() == tmp_path / "main/.distill/ledger.sqlite"
    monkeypatch.setenv("DISTILL_LEDGER", str(tmp_path / "safe.sqlite"))
    assert ledger_file.location() == tmp_path / "safe.sqlite"
    monkeypatch.delenv("DISTILL_LEDGER")
    monkeypatch.delenv("DVC_ROOT")
    monkeypatch.chdir(tmp_path)
    assert ledger_file.location() == tmp_path / ".distill/ledger.sqlite"


def test_the_ledger_is_ignored_by_git_and_dvc() -> None:
    root = Path(__file__).resolve().parents[1]
    assert "/.distill/" in (root / ".gitignore").read_text().splitlines()
    assert ".distill" in (root / ".dvcignore").read_text().splitlines()


def test_one_holder(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with hold(path), pytest.raises(TeacherError, match=rf"in use by process {os.getpid()} \("), hold(path):
        pass
    with hold(path):
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ledger.sqlite", "ledger.sqlite.lock"]


def test_a_dead_holder_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    code = (f"import os, pathlib; from distill.ledger_file import hold\n"
            f"with hold(pathlib.Path({str(path)!r})): os.kill(os.getpid(), 9)")  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (tmp_path / "ledger.sqlite.holder").exists()
    with hold(path) as opened:
        assert opened.ledger.states() == {}


def test_what_a_killed_run_left(tmp_path: Path) -> None:
    """Unparsed responses are parsed; online calls in flight are lost, batches' calls are still open."""
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    for key, via, raw in (("a", "online", message("Yes.")), ("b", "online", b"<"), ("c", "online", None),
                          ("d", "batch", None)):  # fmt: skip
        made = call(ledger, key, via)
        ledger.apply([sent(made)] + ([received(made.id, raw)] if raw else []))
    ledger.close()
    with hold(path) as opened:
        assert opened.ledger.states() == {"lost": 1, "paid": 1, "sent": 1, "unreadable": 1}
        found = opened.ledger.find("a")
        assert found is not None
        assert found.answer.text == "Yes."


def test_a_newer_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger._writer.execute("PRAGMA user_version = 99")
    ledger.close()
    with pytest.raises(InputError, match="newer version"), hold(path):
        pass
    assert path.exists()


def make(path: Path, answers: int) -> None:
    ledger = Ledger(path)
    ops: list[Op] = []
    for number in range(answers):
        raw = message(f"Answer {number}. " + "x" * 3000)
        made = call(ledger, f"key-{number}")
        ops += [sent(made), received(made.id, raw), parsed(made.id, raw, "online")[0]]
    ledger.apply(ops)
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
    with hold(path) as opened:
        aside = tmp_path / "ledger.sqlite.corrupt-1"
        assert opened.rescued == str(aside)
        assert aside.read_bytes() == raw
        found = [stored for number in range(200) if (stored := opened.ledger.find(f"key-{number}"))]
        texts = {stored.answer.text[:10] for stored in found}
        rescued = {"header": 0, "middle": 150, "cut": 0}[damage]
        assert rescued <= len(texts) < 200
    assert f"the ledger is corrupt; it is kept as {aside}" in capsys.readouterr().err
    with hold(path) as opened:
        assert opened.rescued is None


def test_a_second_corrupt_ledger_does_not_replace_the_first(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    for number in (1, 2):
        path.write_bytes(b"rubbish" * 1000 * number)
        with hold(path) as opened:
            assert opened.rescued == f"{path}.corrupt-{number}"


def test_a_corrupt_ledger_stops_the_stage_before_it_pays_again(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made: Folder = folder(tmp_path, server.url, prompts=10)
        assert made.run().status == 0
        made.ledger.write_bytes(b"rubbish" * 1000)
        ran = made.run()
        assert ran.status == 1
        assert "10 answers are missing after the ledger was rebuilt; restore a backup" in ran.stderr
        assert len(server.answered) == 10
        assert made.run().status == 0
        assert len(server.answered) == 20


def test_no_room_for_the_ballast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_file, "BALLAST_BYTES", 10**18)
    with pytest.raises(OSError, match="ledger"), hold(tmp_path / "ledger.sqlite"):
        pass
    assert not (tmp_path / "ledger.sqlite").exists()
