"""distill.api.ledger.store: what is recorded is kept, whatever happens to the process and the disk."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api_samples import call, message, pay
from distill.api.ledger import ballast, store
from distill.api.ledger.ledger import Ledger
from distill.common.errors import TeacherError
from repository import ROOT


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def limit(ledger: Ledger, pages: int | None = None) -> None:
    """Let the file have so many pages (None: as many as it has), as a full disk would."""
    wanted = pages or ledger.query("PRAGMA page_count")[0][0]
    ledger.query(f"PRAGMA max_page_count = {wanted}")


def on_disk(ledger: Ledger, folder: Path, sql: str) -> list[tuple[object, ...]]:
    """What is in the file itself, without the log that a loss of power could take."""
    copy = folder / "copy.sqlite"
    shutil.copy(ledger.path, copy)
    connection = sqlite3.connect(copy)
    rows = connection.execute(sql).fetchall()
    connection.close()
    copy.unlink()
    return rows


def test_a_response_outlives_the_process_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    code = (f"import os, pathlib\nfrom distill.ledger import Ledger\nfrom api_samples import call, message\n"
            f"ledger = Ledger(pathlib.Path({str(path)!r}))\nmade = call(ledger)\nledger.record_sent(made)\n"
            f"ledger.record_received(made.id, message('Kept.'))\nos.kill(os.getpid(), 9)")  # fmt: skip
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == -9
    ledger = Ledger(path)
    ledger.settle()
    found = ledger.find("k")
    assert found is not None
    assert found.answer.text == "Kept."
    ledger.close()


def test_what_was_recorded_is_on_the_disk_a_moment_later(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("distill.api.ledger.store.time.monotonic", lambda: now[0])
    pay(ledger, "a", message("Yes."))  # the first record is synced
    pay(ledger, "b", message("Yes."))
    assert on_disk(ledger, tmp_path, "SELECT key FROM calls") == [("a",)]
    now[0] += store.SYNC_S
    ledger.record_sent(call(ledger, "c"))
    assert on_disk(ledger, tmp_path, "SELECT key, state FROM calls") == [("a", "paid"), ("b", "paid"), ("c", "sent")]


def test_a_batch_waits_for_the_disk(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill.api.ledger.store.time.monotonic", lambda: 1000.0)
    pay(ledger, "a", message("Yes."))
    batch = {"id": 1, "nonce": "n", "remote": None, "state": "intent", "server": "s", "created": 1.5, "requests": 1}
    ledger.add_batch(batch, [call(ledger, "b", "batch")])
    assert on_disk(ledger, tmp_path, "SELECT state FROM batches") == [("intent",)]
    assert on_disk(ledger, tmp_path, "SELECT key FROM calls") == [("a",), ("b",)]
    ledger.record_created(1, "remote")
    assert on_disk(ledger, tmp_path, "SELECT state FROM batches") == [("created",)]


def test_a_full_disk_takes_what_was_paid_and_no_more(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ballast.take(ledger.path)
    limit(ledger)
    drop = ballast.drop

    def drop_and_grow(path: Path) -> bool:
        limit(ledger, 100_000)
        return drop(path)

    monkeypatch.setattr(ballast, "drop", drop_and_grow)
    ledger.check_room()
    for _ in range(200):
        ledger.record_sent(call(ledger))
    assert ledger.states() == {"sent": 200}
    assert not Path(f"{ledger.path}.ballast").exists()
    with pytest.raises(TeacherError, match="the disk is full; every answer that came is kept"):
        ledger.check_room()


@pytest.mark.parametrize("denied", [False, True])
def test_no_ballast_left(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, denied: bool) -> None:
    def unlink(path: Path) -> None:
        raise PermissionError(f"{path}: denied")

    if denied:
        monkeypatch.setattr(Path, "unlink", unlink)
    limit(ledger)

    def fill() -> None:
        for _ in range(200):
            ledger.record_sent(call(ledger))

    with pytest.raises(sqlite3.OperationalError, match="full"):
        fill()
    with pytest.raises(TeacherError, match="the disk is full"):
        ledger.check_room()


def test_a_disk_that_is_too_full_to_sync(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the log is kept; nothing more is sent."""
    monkeypatch.setattr("distill.api.ledger.store.time.monotonic", lambda: 1000.0)

    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(ledger, "sync", full)
    pay(ledger, "a", message("Yes."))
    assert ledger.find("a") is not None
    with pytest.raises(TeacherError, match="the disk is full"):
        ledger.check_room()


def test_what_sqlite_cannot_hold_fails_its_writer_and_no_later_one(ledger: Ledger) -> None:
    made = call(ledger)
    ledger.record_sent(made)
    with pytest.raises(TeacherError, match="the ledger cannot take what is to be written"):
        ledger.record_ended(made.id, "lost", "\ud800")
    ledger.record_ended(made.id, "lost", "because")
    assert ledger.states() == {"lost": 1}
