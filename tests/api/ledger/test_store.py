"""distill.api.ledger.store: what is recorded is kept, whatever happens to the process and the disk."""

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api_samples import call, message, record
from distill.api.ledger import ballast
from distill.api.ledger.ledger import Ledger
from distill.common.errors import TeacherError
from power import Disk
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


@pytest.fixture
def disk(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk(ledger.path, tmp_path)
    monkeypatch.setattr(os, "fsync", made.fsync)
    return made


def test_a_response_outlives_the_process_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    code = (f"import os, pathlib\nfrom distill.api.ledger.ledger import Ledger\nfrom api_samples import call, message\n"
            f"ledger = Ledger(pathlib.Path({str(path)!r}))\nmade = call(ledger)\nledger.record_sent(made)\n"
            f"ledger.record_received(made.id, message('Kept.'))\nos.kill(os.getpid(), 9)")  # fmt: skip
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests/support'}"}
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == -9
    ledger = Ledger(path)
    ledger.recover()
    found = ledger.find("k")
    assert found is not None
    assert found.answer.text == "Kept."
    ledger.close()


def test_what_was_recorded_survives_a_power_failure(ledger: Ledger, disk: Disk) -> None:
    for key in ("a", "b"):
        record(ledger, call(ledger, key), message("Yes."))
    asyncio.run(ledger.on_disk())
    assert disk.query("SELECT key, state, response FROM calls") == [
        ("a", "received", message("Yes.")),
        ("b", "received", message("Yes.")),
    ]
    asyncio.run(ledger.on_disk())
    assert disk.syncs == 1  # nothing was written since


def test_those_who_wait_share_a_wait(ledger: Ledger, disk: Disk) -> None:
    """Ten responses that come while the disk is busy with the first are one more wait, and all are on the disk then."""

    async def respond(key: str) -> bool:
        record(ledger, call(ledger, key), message("Yes."))
        await ledger.on_disk()
        return (key,) in disk.query("SELECT key FROM calls WHERE state = 'received'")

    async def all_at_once() -> list[bool]:
        first = asyncio.create_task(respond("first"))
        await asyncio.sleep(0)
        return await asyncio.gather(first, *(respond(f"k{number}") for number in range(10)))

    assert asyncio.run(all_at_once()) == [True] * 11
    assert disk.syncs == 2


def test_a_disk_that_reports_an_error(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    record(ledger, call(ledger), message("Yes."))
    for _ in range(2):  # it is not forgotten
        with pytest.raises(TeacherError, match=r"the disk reports an error \(Input/output error\).*; check the disk"):
            asyncio.run(ledger.on_disk())


def test_a_batch_waits_for_the_disk(ledger: Ledger, disk: Disk) -> None:
    batch = {"id": 1, "nonce": "n", "remote": None, "state": "intent", "server": "s", "created": 1.5, "requests": 1}
    ledger.add_batch(batch, [call(ledger, "b", "batch")])
    assert disk.query("SELECT state FROM batches") == [("intent",)]
    assert disk.query("SELECT key FROM calls") == [("b",)]
    ledger.record_try(1, 2.5)
    assert disk.query("SELECT created FROM batches") == [(2.5,)]
    ledger.record_created(1, "remote")
    assert disk.query("SELECT state, remote FROM batches") == [("created", "remote")]


def test_what_is_written_together_is_kept_together_or_not_at_all(ledger: Ledger) -> None:
    made = [call(ledger, key) for key in "ab"]
    with ledger.together():
        for one in made:
            ledger.record_sent(one)
        assert ledger.states() == {}
    assert ledger.states() == {"sent": 2}

    def half() -> None:
        with ledger.together():
            ledger.record_ended(made[0].id, "lost", "because")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    ledger.record_ended(made[1].id, "failed", "because")
    assert ledger.states() == {"failed": 1, "sent": 1}


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


def test_what_sqlite_cannot_hold_fails_its_writer_and_no_later_one(ledger: Ledger) -> None:
    made = call(ledger)
    ledger.record_sent(made)
    with pytest.raises(TeacherError, match="a row cannot be written to the ledger"):
        ledger.record_ended(made.id, "lost", "\ud800")
    ledger.record_ended(made.id, "lost", "because")
    assert ledger.states() == {"lost": 1}
