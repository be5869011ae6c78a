"""distill.journal: many writers, few commits, and a disk that fills up."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from distill import ledger_file
from distill.errors import TeacherError
from distill.journal import Journal
from distill.ledger import Ledger, Op, sent
from test_ledger import call


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def test_written_is_on_disk(ledger: Ledger, tmp_path: Path) -> None:
    async def go() -> None:
        journal = Journal(ledger)
        await journal.write(sent(call(ledger)))
        rows = sqlite3.connect(tmp_path / "ledger.sqlite").execute("SELECT state FROM calls").fetchall()
        assert rows == [("sent",)]

    asyncio.run(go())


def test_many_writers_share_commits(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    apply = ledger.apply

    def counted(ops: Sequence[Op]) -> None:
        commits.append(len(ops))
        apply(ops)

    monkeypatch.setattr(ledger, "apply", counted)

    async def go() -> None:
        journal = Journal(ledger)
        await asyncio.gather(*(journal.write(sent(call(ledger))) for _ in range(100)))

    asyncio.run(go())
    assert sum(commits) == 100
    assert len(commits) <= 3
    assert ledger.states() == {"sent": 100}


def test_an_error_reaches_everyone_who_waits(ledger: Ledger) -> None:
    async def go() -> list[BaseException | None]:
        journal = Journal(ledger)
        made = call(ledger)
        return await asyncio.gather(journal.write(sent(made)), journal.write(sent(made)), return_exceptions=True)

    first, second = asyncio.run(go())
    assert isinstance(first, sqlite3.IntegrityError)
    assert isinstance(second, sqlite3.IntegrityError)


@pytest.mark.parametrize("value", ["\ud800", 2**63])
def test_what_sqlite_cannot_hold_fails_its_writer_and_no_later_one(ledger: Ledger, value: object) -> None:
    async def go() -> None:
        journal = Journal(ledger)
        with pytest.raises(TeacherError, match="the ledger cannot take what is to be written"):
            await asyncio.wait_for(journal.write(("UPDATE calls SET error = ?", (value,))), 5)
        await asyncio.wait_for(journal.write(sent(call(ledger))), 5)

    asyncio.run(go())
    assert ledger.states() == {"sent": 1}


def test_a_full_disk_takes_what_was_paid_and_no_more(ledger: Ledger) -> None:
    """The database is limited to its present size, as a full disk would limit it; the ballast makes room."""
    pages = ledger._writer.execute("PRAGMA page_count").fetchone()[0]
    ballast = Path(f"{ledger.path}.ballast")
    ballast.write_bytes(bytes(10))
    ledger._writer.execute(f"PRAGMA max_page_count = {pages}")
    drop = ledger_file.drop_ballast

    def drop_and_grow(path: Path) -> bool:
        ledger._writer.execute("PRAGMA max_page_count = 100000")
        return drop(path)

    async def go() -> Journal:
        journal = Journal(ledger)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("distill.journal.drop_ballast", drop_and_grow)
            for _ in range(200):
                await journal.write(sent(call(ledger)))
        return journal

    journal = asyncio.run(go())
    assert ledger.states() == {"sent": 200}
    assert not ballast.exists()
    with pytest.raises(TeacherError, match="the disk is full; every answer that came is kept"):
        journal.check_room()


def test_a_ballast_that_cannot_be_dropped(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = ledger._writer.execute("PRAGMA page_count").fetchone()[0]
    ledger._writer.execute(f"PRAGMA max_page_count = {pages}")

    def denied(path: Path) -> bool:
        raise PermissionError(f"{path}: denied")

    monkeypatch.setattr("distill.journal.drop_ballast", denied)

    async def go() -> None:
        journal = Journal(ledger)
        for _ in range(200):
            await asyncio.wait_for(journal.write(sent(call(ledger))), 5)

    with pytest.raises(TeacherError, match="PermissionError"):
        asyncio.run(go())


def test_no_ballast_left(ledger: Ledger) -> None:
    pages = ledger._writer.execute("PRAGMA page_count").fetchone()[0]
    ledger._writer.execute(f"PRAGMA max_page_count = {pages}")

    async def go() -> None:
        journal = Journal(ledger)
        for _ in range(200):
            await journal.write(sent(call(ledger)))

    with pytest.raises(sqlite3.OperationalError, match="full"):
        asyncio.run(go())
