"""distill.spool: what came in is on the disk at once, and goes into the ledger in the end."""

import asyncio
from pathlib import Path

from distill.journal import Journal
from distill.ledger import Ledger, sent
from distill.ledger_file import hold, spool_of
from distill.spool import Spool, left
from test_ledger import call, message


def test_at_once_and_not_for_long(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    spool = Spool(path)
    assert not path.exists()
    spool.put(1, "a", b"one\n\xff\n")
    spool.put(2, "b", b"two")
    assert list(left(path)) == [(1, "a", b"one\n\xff\n"), (2, "b", b"two")]
    spool.committed()
    assert len(list(left(path))) == 2
    spool.committed()
    assert list(left(path)) == []
    spool.put(3, "c", b"three")
    assert list(left(path)) == [(3, "c", b"three")]


def test_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    spool = Spool(path)
    spool.put(1, "a", b"one")
    spool.put(2, "b", b"two")
    path.write_bytes(path.read_bytes()[:-5])
    assert list(left(path)) == [(1, "a", b"one")]
    path.write_bytes(b'rubbish\n{"call": 1}\n[]\n')
    assert list(left(path)) == []


def test_a_killed_runs_responses_are_taken_over(tmp_path: Path) -> None:
    """Call 1 was not committed, call 2 was, call 3 is another ledger's."""
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    calls = [call(ledger, "a"), call(ledger, "b"), call(ledger, "c")]
    ledger.apply([sent(made) for made in calls])

    async def go() -> None:
        await Journal(ledger).keep(calls[1], message("Two."))

    asyncio.run(go())
    ledger.close()
    spool = Spool(spool_of(path))
    spool.put(calls[0].id, "a", message("One."))
    spool.put(calls[1].id, "b", message("Not this."))
    spool.put(calls[2].id, "x", message("Three."))
    with hold(path) as opened:
        found = [opened.ledger.find(key) for key in "abc"]
        assert [stored and stored.answer.text for stored in found] == ["One.", "Two.", None]
        assert opened.ledger.states() == {"lost": 1, "paid": 2}
    assert not spool_of(path).exists()
