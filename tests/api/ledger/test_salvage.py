"""salvage and distill.api.ledger.pages: what is saved of a ledger whose pages are overwritten, one by one.

SQLite itself says what a page held (`dbstat`): if it is overwritten, just that is lost. Its own recovery must not get
more: `.recover` of its command line, where there is one that was built with it (Debian's was not). A sample of the
pages is tried; all are `make soak`.
"""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from api_samples import call, message, pay
from distill.api.ledger import pages, salvage
from distill.api.ledger.ledger import Ledger
from distill.api.ledger.opening import hold
from distill.api.ledger.schema import COLUMNS

ANSWERS = 5000
SHARES = range(8)  # of the soak
TYPES = ("internal", "leaf", "overflow")


class Page(NamedTuple):
    """A page: its number, what it is a part of, its type, and how many entries are in it."""

    number: int
    name: str
    type: str
    entries: int

    @property
    def answers(self) -> int:
        """How many answers are lost with it."""
        if self.name != "calls" or self.type == "internal":
            return 0
        return self.entries if self.type == "leaf" else 1


def fill(path: Path, answers: int, short: int = 100, long: int = 9000) -> None:
    """Make a ledger of answers, each as it is in life: written in three steps; every 50th goes on in other pages."""
    ledger = Ledger(path)
    ledger.add_batch({"id": 1, "nonce": "n", "remote": "r", "state": "created", "server": "s", "created": 1.5,
                      "requests": 3})  # fmt: skip
    for number in range(answers):
        pay(ledger, f"key-{number}", message(f"Answer {number}. " + "x" * (short if number % 50 else long)))
    ledger.close()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "ledger.sqlite"
    fill(path, ANSWERS)
    return path


@pytest.fixture(scope="module")
def can_recover(sound: Path) -> bool:
    """Whether there is a SQLite that can recover."""
    return shutil.which("sqlite3") is not None and saved_by_sqlite(sound) == ANSWERS


def layout(path: Path) -> list[Page]:
    """What SQLite says is in each page."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            rows = connection.execute("SELECT pageno, name, pagetype, ncell FROM dbstat ORDER BY pageno").fetchall()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no dbstat, which says what a page held")
    return [Page(*row) for row in rows]


def calls(path: Path) -> list[pages.Record]:
    """The records of calls, however often they come."""
    return [record for record in pages.records(path) if len(record[1]) == len(COLUMNS) + 1]


def overwrite(path: Path, number: int, size: int = 4096) -> None:
    with path.open("r+b") as file:
        file.seek((number - 1) * size)
        file.write(random.Random(number).randbytes(size))


def served(path: Path) -> int:
    """How many answers the ledger serves when it is opened."""
    with hold(path) as ledger:
        return sum(ledger.find(f"key-{number}") is not None for number in range(ANSWERS))


def saved_by_sqlite(path: Path) -> int:
    """How many sound answers SQLite's own recovery gets."""
    recovered = path.with_suffix(".recovered")
    script = subprocess.run(["sqlite3", path, ".recover"], capture_output=True, check=False).stdout
    subprocess.run(["sqlite3", recovered], input=script, capture_output=True, check=False)
    with contextlib.closing(sqlite3.connect(recovered)) as connection:
        found: dict[str, int] = {}
        # Rows whose table is not known are in `lost_and_found`, their values in c0 to c18: the key is the second.
        for sql in ("SELECT key, crc, response FROM calls", "SELECT c1, c17, c18 FROM lost_and_found"):
            with contextlib.suppress(sqlite3.OperationalError):
                found |= {key: 1 for key, crc, raw in connection.execute(sql)
                          if isinstance(raw, bytes) and zlib.crc32(raw) == crc}  # fmt: skip
    recovered.unlink()
    return len(found)


def check(sound: Path, folder: Path, page: Page, compare: bool) -> tuple[int, int]:
    """Overwrite a page: all else is served. Return how many answers are, and how many SQLite's own recovery gets."""
    path = folder / "ledger.sqlite"
    shutil.copy(sound, path)
    overwrite(path, page.number)
    theirs = saved_by_sqlite(path) if compare else 0
    ours = served(path)
    assert ours == ANSWERS - page.answers, page
    assert ours >= theirs, page
    for file in folder.iterdir():
        file.unlink()
    return ours, theirs


def sample(found: list[Page]) -> Iterator[Page]:
    """The first page, a page of each type of each part, and some more."""
    chosen = [next((page for page in found if (page.name, page.type) == kind), None)
              for kind in sorted({(page.name, page.type) for page in found})]  # fmt: skip
    yield found[0]
    yield from (page for page in chosen if page is not None)
    yield from random.Random(0).sample(found, 5)


def test_a_page_that_is_overwritten_costs_what_was_in_it(sound: Path, tmp_path: Path) -> None:
    found = layout(sound)
    assert {page.type for page in found if page.name == "calls"} == set(TYPES)
    for page in sample(found):
        check(sound, tmp_path, page, compare=False)


def test_sqlites_own_recovery_gets_no_more(sound: Path, tmp_path: Path, can_recover: bool) -> None:
    if not can_recover:
        pytest.skip("there is no sqlite3 with `.recover` on the PATH (build it with -DSQLITE_ENABLE_DBPAGE_VTAB)")
    for page in sample(layout(sound)):
        check(sound, tmp_path, page, compare=True)


@pytest.mark.soak
@pytest.mark.parametrize("share", SHARES)
def test_every_page(sound: Path, tmp_path: Path, can_recover: bool, share: int) -> None:
    found = layout(sound)[share :: len(SHARES)]
    ours, theirs = zip(*(check(sound, tmp_path, page, can_recover) for page in found), strict=True)
    print(
        f"{len(found)} pages of a ledger of {ANSWERS} answers, each overwritten: at least {min(ours)} saved, "
        f"{sum(ours) / len(ours):.1f} on average; by SQLite's own recovery "
        + (f"{min(theirs)} and {sum(theirs) / len(theirs):.1f}" if can_recover else "unknown, it is not installed")
    )


def test_what_is_in_the_log_counts(tmp_path: Path) -> None:
    """A run that was killed leaves its last answers in the log; the file's first page is gone, and SQLite gives up."""
    path = tmp_path / "ledger.sqlite"
    fill(path, 500)
    ledger = Ledger(path)
    for key in ("a", "b"):
        pay(ledger, key, message(f"In the log: {key}. " + "y" * 6000))
    aside = tmp_path / "aside.sqlite"
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{aside}{suffix}")
    ledger.close()
    log = Path(f"{aside}-wal")
    overwrite(aside, 1)
    # The log's own copies of the first page are gone as well.
    raw_log = bytearray(log.read_bytes())
    for start in range(32, len(raw_log), 24 + 4096):
        if int.from_bytes(raw_log[start : start + 4]) == 1:
            raw_log[start + 24 : start + 124] = bytes(100)
    log.write_bytes(raw_log)
    with hold(aside) as ledger:
        texts = [stored and stored.answer.text[:13] for stored in map(ledger.find, "ab")]
        assert texts == ["In the log: a", "In the log: b"]
        assert ledger.states() == {"paid": 502}


def test_an_uncommitted_end_of_the_log_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.record_sent(call(ledger, "committed"))
    whole = Path(f"{path}-wal").read_bytes()
    ledger.record_sent(call(ledger, "cut off"))
    shutil.copy(path, tmp_path / "copy")
    frames = Path(f"{path}-wal").read_bytes()
    (tmp_path / "copy-wal").write_bytes(frames[: len(whole) + 24 + 4096])
    ledger.close()
    assert [values[1] for _, values in calls(tmp_path / "copy")] == ["committed"]


def test_an_answer_that_is_damaged_is_billed_and_not_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page in the middle of a long answer is gone: its usage is still known."""
    path = tmp_path / "ledger.sqlite"
    fill(path, 51, long=20_000)
    page = [page for page in layout(path) if page.type == "overflow"][1]
    overwrite(path, page.number)
    with hold(path) as ledger:
        assert salvage.set_aside(path) is not None
        assert [batch["remote"] for batch in ledger.open_batches()] == ["r"]
        assert ledger.states() == {"paid": 51}
        assert [usage.output_tokens for *_, usage in ledger.totals("call")] == [51 * 20]
        assert sum(ledger.find(f"key-{number}") is not None for number in range(51)) == 50
    assert "is damaged and not used" in capsys.readouterr().err


def test_of_two_states_of_a_call_the_better_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    made, raw = call(ledger), message("Yes.")
    states: list[pages.Record] = []
    ledger.record_sent(made)
    states.append(calls(path)[0])
    ledger.record_received(made.id, raw)
    states.append(calls(path)[0])
    ledger.record_parsed(made.id, raw, "online")
    states.append(calls(path)[0])
    ledger.close()
    damaged = (made.id, [*states[2][1][:-1], raw[:-1] + b"\0"])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1]):
        found = [[*states, damaged][number] for number in order]
        monkeypatch.setattr(salvage, "records", lambda _, found=found: iter(found))
        path.write_bytes(b"rubbish" * 1000)
        with hold(path) as ledger:
            assert ledger.states() == {"paid": 1}
            stored = ledger.find("k")
            assert stored is not None
            assert stored.answer.text == "Yes."
        path.unlink()


@pytest.mark.parametrize(
    "damage",
    [{"key": None}, {"state": "pa\0d"}, {"worst_usd": "much"}, {"output_tokens": "many"}, {"response": "text"},
     {"response": None}, {"crc": b""}],
)  # fmt: skip
def test_a_row_that_no_call_can_be_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: dict[str, object]
) -> None:
    path = tmp_path / "ledger.sqlite"
    fill(path, 2)
    found = calls(path)
    ((name, value),) = damage.items()
    found[0][1][1 + COLUMNS.index(name)] = value
    monkeypatch.setattr(salvage, "records", lambda _: iter(found))
    path.write_bytes(b"rubbish" * 1000)
    with hold(path) as ledger:
        assert ledger.states() == {"paid": 1}
        assert ledger.find("key-1") is not None


@pytest.mark.parametrize("seed", range(3))
def test_any_rubbish_is_read_without_an_error(tmp_path: Path, seed: int) -> None:
    """Pages that say they hold rows, and whose every number is random."""
    chance = random.Random(seed)
    path = tmp_path / "rubbish"
    path.write_bytes(b"".join(b"\x0d" + chance.randbytes(4095) for _ in range(15)))
    Path(f"{path}-wal").write_bytes(os.urandom(20_000))
    for number, values in pages.records(path):
        assert isinstance(number, int)
        assert isinstance(values, list)
