"""distill.api.answers: what the ledger says about the prompts."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api_samples import PROMPT, SONNET, message, pay, teacher
from collecting import folder
from distill.api import answers
from distill.api.answers import Incomplete, Tally
from distill.api.ledger.ledger import Ledger
from distill.api.profiles import MessagesTeacher
from distill.api.request import request_for
from distill.common.jsonl import Row
from messages_server import Behaviour, MessagesServer

ROW: Row = PROMPT | {"split": "train"}
FIRST = request_for(teacher(), PROMPT, 0, 100).key
SECOND = request_for(teacher(), PROMPT, 0, 400).key
EXCLUDE = teacher().on_stop.model_copy(update={"max_tokens": "exclude"})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def resolve(ledger: Ledger, profile: MessagesTeacher | None = None) -> answers.Entry:
    return answers.resolve(ROW, 0, profile or teacher(), ledger)


def test_nothing_there(ledger: Ledger) -> None:
    entry = resolve(ledger)
    assert entry.answer is None
    assert entry.request.key == FIRST


def test_a_complete_answer(ledger: Ledger) -> None:
    pay(ledger, FIRST, message("Yes."))
    entry = resolve(ledger)
    assert entry.answer is not None
    assert answers.row(entry, entry.answer, 1) == {
        "id": "p", "split": "train", "prompt": "Write a function.", "completion": "Yes.", "model": "m",
        "stop_reason": "end_turn", "usage": {"input_tokens": 10, "output_tokens": 20}, "key": FIRST,
    }  # fmt: skip
    assert list(answers.row(entry, entry.answer, 2))[:2] == ["id", "sample"]


def test_a_cut_off_answer_wants_a_second_call(ledger: Ledger) -> None:
    pay(ledger, FIRST, message("Ye", "max_tokens"))
    entry = resolve(ledger)
    assert entry.answer is None
    assert (entry.request.key, entry.request.max_tokens) == (SECOND, 400)
    # Without a second try it is the answer.
    entry = resolve(ledger, teacher(on_stop=EXCLUDE))
    assert entry.answer is not None
    assert entry.answer.text == "Ye"
    assert entry.superseded == ()


def test_an_answer_that_was_cut_off_and_not_said_to_be(ledger: Ledger) -> None:
    """It has all of the 100 tokens that it may have: there is more to come, whatever the server says."""
    pay(ledger, FIRST, message("Ye", "end_turn", (10, 100)))
    assert resolve(ledger).request.key == SECOND
    entry = resolve(ledger, teacher(on_stop=EXCLUDE))
    assert entry.answer is not None
    assert entry.answer.unusable == "max_tokens"
    pay(ledger, SECOND, message("Yes. No.", "end_turn", (10, 101)))
    entry = resolve(ledger)
    assert entry.answer is not None
    assert entry.answer.unusable is None


@pytest.mark.parametrize("stop_reason", ["end_turn", "max_tokens", "refusal"])
def test_the_second_answer_is_the_last(ledger: Ledger, stop_reason: str) -> None:
    pay(ledger, FIRST, message("Ye", "max_tokens", (10, 100)))
    pay(ledger, SECOND, message("Yes. No.", stop_reason, (10, 300)))
    entry = resolve(ledger)
    assert entry.answer is not None
    row = answers.row(entry, entry.answer, 1)
    assert (row["completion"], row["stop_reason"], row["key"]) == ("Yes. No.", stop_reason, SECOND)
    assert row["usage"] == {"input_tokens": 10, "output_tokens": 300,
                            "superseded": [{"key": FIRST, "input_tokens": 10, "output_tokens": 100}]}  # fmt: skip


def test_a_stub_counts_and_is_no_answer(ledger: Ledger) -> None:
    stub: dict[str, Any] = {
        "key": FIRST, "state": "paid", "source": "stub", "via": "online", "model": "m", "server": "s", "day": "d",
        "max_tokens": 0, "worst_usd": "0", "stop_reason": "max_tokens", "input_tokens": 10, "output_tokens": 100,
    }  # fmt: skip
    ledger.add([stub])
    assert resolve(ledger, teacher(on_stop=EXCLUDE)).answer is None
    assert resolve(ledger).request.key == SECOND
    pay(ledger, SECOND, message("Yes."))
    assert resolve(ledger).superseded[0][1].output_tokens == 100


def test_the_bill_by_hand(ledger: Ledger) -> None:
    """10 in and 20 out; and 10 in and 100 out superseded by 10 in and 300 out: 30 in and 420 out at $3 and $15."""
    other = {"id": "q", "prompt": "Another.", "split": "heldout"}
    pay(ledger, request_for(teacher(), other, 0, 100).key, message(" \n"))
    pay(ledger, FIRST, message("Ye", "max_tokens", (10, 100)))
    pay(ledger, SECOND, message("Yes. No.", "refusal", (10, 300)))
    pay(ledger, "not of these prompts", message("Yes."))
    tally = Tally("claude", teacher(), SONNET)
    rows = list(tally.rows(answers.resolve(row, 0, teacher(), ledger) for row in (ROW, other)))
    assert [row["id"] for row in rows] == ["p", "q"]
    assert tally.metrics() == {
        "teacher": "claude", "model": "m", "prompts": 2, "answers": 2, "calls": 3, "cost_usd": 0.00639,
        "tokens": {"input_tokens": 30, "output_tokens": 420},
        "stop_reasons": {"end_turn": 1, "refusal": 1},
        "thinking_dropped": 0,
        "superseded": {"calls": 1, "cost_usd": 0.00153},
        "unusable": {"empty": 1, "refusal": 1},
        "unusable_ids": {"empty": ["q"], "refusal": ["p"]},
    }  # fmt: skip
    assert tally.cost == Decimal("0.00639") == (30 * 3 + 420 * 15) / Decimal(10**6)


def test_a_missing_answer_ends_it(ledger: Ledger) -> None:
    with pytest.raises(Incomplete):
        list(Tally("t", teacher(), SONNET).rows([resolve(ledger)]))


def test_listed() -> None:
    assert answers.listed(["a", "b"]) == "a, b"
    assert answers.listed([str(n) for n in range(8)]) == "0, 1, 2, 3, 4 and 3 more"


def test_prompts_that_read_the_same_are_billed_once(ledger: Ledger) -> None:
    """One call cut off, and one more: 20 in and 400 out at $3 and $15."""
    pay(ledger, FIRST, message("Ye", "max_tokens", (10, 100)))
    pay(ledger, SECOND, message("Yes. No.", tokens=(10, 300)))
    tally = Tally("claude", teacher(), SONNET)
    same = ROW | {"id": "q"}
    rows = list(tally.rows(answers.resolve(row, 0, teacher(), ledger) for row in (ROW, same)))
    assert [row["id"] for row in rows] == ["p", "q"]
    metrics = tally.metrics()
    assert (metrics["answers"], metrics["calls"], metrics["superseded"]["calls"]) == (2, 2, 1)
    assert tally.cost == (20 * 3 + 400 * 15) / Decimal(10**6)
    assert metrics["tokens"] == {"input_tokens": 20, "output_tokens": 400}


def test_the_bill_is_the_servers(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url)
        made.prompts("Same?", "Same?", "Another?")
        assert made.run().status == 0
        assert Decimal(str(made.metrics()["cost_usd"])) == server.bill
        assert made.metrics()["calls"] == len(server.answered) == 2


def test_tokens_of_the_cache_have_prices_of_their_own(tmp_path: Path) -> None:
    """Of each of 3 answers: 10 in at $3, 20 out at $15, 1,000 written at $3.75 and 2,000 read at $0.30 a million."""
    usage = {"input_tokens": 10, "output_tokens": 20, "cache_creation_input_tokens": 1000,
             "cache_read_input_tokens": 2000}  # fmt: skip
    with MessagesServer(Behaviour(message={"usage": usage})) as server:
        made = folder(tmp_path, server.url, prompts=3)
        assert made.run().status == 0
        assert made.metrics()["cost_usd"] == 0.01404
        assert made.metrics()["tokens"] == {name: 3 * count for name, count in usage.items()}
        assert all(row["usage"] == usage for row in made.rows())
