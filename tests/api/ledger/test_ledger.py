"""distill.ledger: what is kept, what is served, and what it comes to."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from api_samples import call, execute, message, pay, record
from distill.api.ledger.ledger import Ledger
from distill.api.pricing import Price
from distill.api.response import Answer, Usage

PRICE = Price(input=3.0, output=15.0, cache_write=3.75, cache_read=0.3, batch=0.5)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def test_only_paid_answers_are_served(ledger: Ledger) -> None:
    states = ["sent", "received", "failed", "lost", "unreadable"]
    for state in states:
        made = call(ledger, state)
        ledger.record_sent(made)
        if state in ("failed", "lost"):
            ledger.record_ended(made.id, state, "because")
        if state == "received":
            ledger.record_received(made.id, message("not parsed yet"))
        if state == "unreadable":
            ledger.record_received(made.id, b"<html>")
            assert ledger.record_parsed(made.id, b"<html>", "online") is None
    assert ledger.states() == dict.fromkeys(sorted(states), 1)
    assert [ledger.find(state) for state in states] == [None] * 5
    pay(ledger, "paid", message("Yes."))
    found = ledger.find("paid")
    assert found is not None
    assert found.answer == Answer("Yes.", "m", "end_turn", Usage(10, 20))
    assert not found.stub


def test_the_raw_response_is_kept_as_it_came(ledger: Ledger, tmp_path: Path) -> None:
    raw = b'{ "odd":1, ' + message("\u2028 \x00 \ud83d\ude00")[1:]
    pay(ledger, "k", raw)
    row = sqlite3.connect(tmp_path / "ledger.sqlite").execute("SELECT response FROM calls").fetchone()
    assert row[0] == raw


def test_an_ended_call_keeps_its_state(ledger: Ledger) -> None:
    pay(ledger, "k", message("Yes."))
    ledger.record_ended(1, "lost", "too late")
    assert ledger.states() == {"paid": 1}


def test_all_or_nothing(ledger: Ledger) -> None:
    made = call(ledger)
    batch = {"id": 1, "nonce": "n", "remote": None, "state": "intent", "server": "s", "created": 1.5, "requests": 2}
    with pytest.raises(sqlite3.IntegrityError):
        ledger.add_batch(batch, [made, made])
    assert ledger.states() == {}
    assert ledger.open_batches() == []
    ledger.add_batch(batch, [made])
    assert ledger.states() == {"sent": 1}
    assert ledger.open_batches() == [batch]


def test_a_changed_response_is_not_served(ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bit that flipped on the disk, where the database cannot see it."""
    pay(ledger, "k", message("Yes."))
    with sqlite3.connect(tmp_path / "ledger.sqlite") as other:
        other.execute("UPDATE calls SET response = CAST(replace(response, 'Yes', 'Yfs') AS BLOB)")
    assert ledger.find("k") is None
    assert ledger.find("k") is None
    assert capsys.readouterr().err.count("the answer under the key k… is damaged and not used") == 1


def test_a_text_beats_a_stub(ledger: Ledger) -> None:
    stub = {"key": "k", "state": "paid", "source": "stub", "via": "online", "model": "m", "server": "committed",
            "day": "2026-01-02", "max_tokens": 0, "worst_usd": "0", "stop_reason": "max_tokens",
            "input_tokens": 1, "output_tokens": 2}  # fmt: skip
    ledger.add([stub])
    found = ledger.find("k")
    assert found is not None
    assert found.stub
    assert found.answer == Answer("", "m", "max_tokens", Usage(1, 2))
    pay(ledger, "k", message("Cut o", "max_tokens"))
    found = ledger.find("k")
    assert found is not None
    assert found.answer.text == "Cut o"


def test_spent(ledger: Ledger) -> None:
    """Paid 10 in and 20 out online and by batch; lost and unreadable at their worst; batches under way are reserved."""
    pay(ledger, "a", message("x"))
    pay(ledger, "b", message("x"), "batch")
    for key, via, state in (("c", "online", "lost"), ("d", "online", "failed"), ("e", "batch", "sent")):
        made = call(ledger, key, via, "0.25")
        ledger.record_sent(made)
        if state != "sent":
            ledger.record_ended(made.id, state, "")
    hydrated = {"key": "h", "state": "paid", "source": "hydrated", "via": "online", "model": "m", "server": "committed",
                "day": "d", "max_tokens": 0, "worst_usd": "0", "input_tokens": 10**6, "output_tokens": 0}  # fmt: skip
    ledger.add([hydrated])
    online = Decimal(10 * 3 + 20 * 15) / 10**6
    assert ledger.spent({"m": PRICE}) == (online + online / 2 + Decimal("0.25"), Decimal("0.25"))
    assert ledger.spent({}) == (Decimal("0.25"), Decimal("0.25"))


def test_totals(ledger: Ledger) -> None:
    pay(ledger, "a", message("x", tokens=(1, 2)))
    pay(ledger, "b", message("x", tokens=(10, 20)))
    pay(ledger, "c", message("x", tokens=(100, 200)), "batch")
    assert list(ledger.totals()) == [
        ("2026-01-02", "m", 1, Usage(100, 200, batch=True)),
        ("2026-01-02", "m", 2, Usage(11, 22)),
    ]


def test_mean_output(ledger: Ledger) -> None:
    """Answers of that model and cap, and committed ones, count; a judge's, with a cap of its own, do not."""
    for key, tokens in (("a", 200), ("b", 400)):
        pay(ledger, key, message("x", tokens=(1, tokens)))
    made = replace(call(ledger, "verdict"), max_tokens=50)
    raw = message("x", tokens=(1, 7))
    record(ledger, made, raw)
    ledger.record_parsed(made.id, raw, "online")
    assert ledger.mean_output("m", 100) == 300.0
    assert ledger.mean_output("m", 50) == 7.0
    assert ledger.mean_output("another", 100) is None
    execute(ledger, "UPDATE calls SET source = 'hydrated', max_tokens = 0 WHERE key = 'b'")
    assert ledger.mean_output("m", 100) == 300.0


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "ledger.sqlite")
    first.record_sent(call(first))
    first.close()
    second = Ledger(tmp_path / "ledger.sqlite")
    assert second.next_id() == 2
    second.close()


def test_durable(ledger: Ledger) -> None:
    assert ledger._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert ledger._connection.execute("PRAGMA synchronous").fetchone() == (1,)  # NORMAL: `sync` waits for the disk
