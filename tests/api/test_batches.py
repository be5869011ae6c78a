"""distill.api.batches: splitting, adoption, foreign batches, and what is asked for again."""

import asyncio
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collecting import KEY, Folder, folder
from distill.api import batch_results
from distill.api.batch_results import custom_id
from messages_server import Answered, Behaviour, MessagesServer, _Drop, _error, _json, _send

CREATE = "POST /v1/messages/batches"


def test_custom_ids() -> None:
    name = custom_id("a" * 64, "0" * 16)
    assert name == "a" * 40 + "-" + "0" * 16
    assert len(name) <= 64


def test_half_the_price(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=25, teacher="claude-batch", batch_max_requests=10)
        assert made.run().status == 0
        assert sorted(len(batch["requests"]) for batch in server.batches.values()) == [5, 10, 10]
        assert all(row["usage"]["service_tier"] == "batch" for row in made.rows())
        full = sum((one.input_tokens * 3 + one.output_tokens * 15 for one in server.answered), 0)
        assert Decimal(str(made.metrics()["cost_usd"])) == Decimal(full) / 2 / 10**6 == server.bill


@pytest.mark.parametrize("fault", ["drop-after", "half", "malformed", "stall"])
def test_a_batch_whose_creation_was_not_confirmed_is_adopted(tmp_path: Path, fault: str) -> None:
    behaviour = Behaviour(fault_share=1.0, faults=(fault,), most_faults=1, stall=0.4, create_delay=0.1)
    with MessagesServer(behaviour) as server:
        # Results are made without faults; every kind of request fails once.
        behaviour_process = server._process
        server._process = lambda batch: _faultless(server, behaviour_process, batch)  # type: ignore[method-assign]
        made = folder(tmp_path, server.url, prompts=6, teacher="claude-batch", timeout_s=0.2)
        assert made.run().status == 0
        assert len(server.batches) == 1
        assert server.requests[CREATE] == 1
        assert len(server.answered) == 6


def _faultless(server: MessagesServer, process: Any, batch: dict[str, Any]) -> list[Any]:
    share, server.behaviour.fault_share = server.behaviour.fault_share, 0.0
    try:
        return list(process(batch))
    finally:
        server.behaviour.fault_share = share


def test_a_batch_that_was_never_created_is_created(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(fault_share=1.0, faults=("drop-before",), most_faults=1)) as server:
        process = server._process
        server._process = lambda batch: _faultless(server, process, batch)  # type: ignore[method-assign]
        made = folder(tmp_path, server.url, prompts=6, teacher="claude-batch")
        assert made.run().status == 0
        assert len(server.batches) == 1
        assert server.requests[CREATE] == 2


@pytest.mark.parametrize("fault", ["429", "529"])
def test_an_overloaded_server_is_asked_again_for_the_same_batch(tmp_path: Path, fault: str) -> None:
    with MessagesServer(Behaviour(fault_share=1.0, faults=(fault,), most_faults=2)) as server:
        process = server._process
        server._process = lambda batch: _faultless(server, process, batch)  # type: ignore[method-assign]
        made = folder(tmp_path, server.url, prompts=6, teacher="claude-batch")
        assert made.run().status == 0
        assert len(server.batches) == 1
        assert sqlite3.connect(made.ledger).execute("SELECT count(*) FROM batches").fetchone() == (1,)


def test_somebody_elses_batch_of_the_same_size_is_not_taken(tmp_path: Path) -> None:
    """Ours was killed before it was created; theirs, of as many requests, is in the list, and is told by its ids."""
    with MessagesServer() as server:
        theirs = folder(tmp_path / "theirs", server.url, prompts=6, teacher="claude-batch")
        theirs.params("claude-batch", {"system": "Theirs."})
        ours = folder(tmp_path / "ours", server.url, prompts=6, teacher="claude-batch")
        code = (
            "import os, sys; from distill.api.client import Api; from distill.collect import stage; "
            "Api.create_batch = lambda *_: os.kill(os.getpid(), 9); sys.argv = ['collect']; stage.main()"
        )
        process = ours.start("-c", code)
        process.communicate()
        assert process.returncode == -9
        assert theirs.run().status == 0
        assert ours.run().status == 0
        states = Counter(row[0] for row in sqlite3.connect(ours.ledger).execute("SELECT state FROM batches"))
        assert states == {"foreign": 1, "absent": 1, "ended": 1}
        assert len(server.batches) == 2
        assert not {row["completion"] for row in ours.rows()} & {row["completion"] for row in theirs.rows()}


def test_expired_canceled_and_errored_are_asked_for_again(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(seed=1, fault_share=0.5, most_faults=0)) as server:
        made = folder(tmp_path, server.url, prompts=40, teacher="claude-batch")
        assert made.run().status == 0
        assert len(server.answered) == 40
        sizes = [len(batch["requests"]) for batch in server.batches.values()]
        assert sizes[0] == 40
        assert sizes == sorted(sizes, reverse=True)
        assert len(sizes) > 2
        errors = dict(sqlite3.connect(made.ledger).execute("SELECT error, count(*) FROM calls GROUP BY error"))
        assert set(errors) == {None, "expired", "canceled", "api_error: broken"}
        assert sum(errors.values()) == sum(sizes)


def test_online_waits_for_a_batch_under_way(tmp_path: Path) -> None:
    """A run by the batch was killed; its answers are waited for, and not paid for online at full price."""
    with MessagesServer(Behaviour(batch_polls=4)) as server:
        made = folder(tmp_path, server.url, prompts=5, teacher="claude-batch")
        process = made.start()
        while not server.requests["GET /v1/messages/batches/msgbatch_0000"]:
            pass
        process.kill()
        process.communicate()
        made.params("claude")
        made.prompts(*(f"Prompt number {number}?" for number in range(6)))
        assert made.run().status == 0
        assert server.requests["POST /v1/messages"] == 1
        assert len(server.answered) == 6


def test_a_batch_of_other_prompts_is_not_waited_for(tmp_path: Path) -> None:
    """It will never end; what it holds is not asked for any more."""
    with MessagesServer(Behaviour(batch_polls=10**9)) as server:
        made = folder(tmp_path, server.url, prompts=3, teacher="claude-batch")
        process = made.start()
        while not server.requests["GET /v1/messages/batches/msgbatch_0000"]:
            pass
        process.kill()
        process.communicate()
        made.params("claude", {"system": "Be brief."})
        assert made.run().status == 0
        assert len(server.answered) == 3
        # When it has ended at last, its answers are taken over by the way: they are paid for.
        server.behaviour.batch_polls = 1
        made.prompts(*(f"Prompt number {number}?" for number in range(4)))
        assert made.run().status == 0
        made.prompts(*(f"Prompt number {number}?" for number in range(3)))
        made.params("claude")
        assert made.run().status == 0
        assert len(server.answered) == 7


def test_a_batch_that_is_gone(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(batch_polls=10**9)) as server:
        made = folder(tmp_path, server.url, prompts=2, teacher="claude-batch")
        process = made.start()
        while not server.requests["GET /v1/messages/batches/msgbatch_0000"]:
            pass
        process.kill()
        process.communicate()
        server.batches.clear()
        ran = made.run()
        assert ran.status == 1
        assert "the batch msgbatch_0000: 404 not_found_error: no such batch; set the key" in ran.stderr
        assert "`python -m distill.ledger abandon msgbatch_0000`" in ran.stderr
        assert server.requests[CREATE] == 1


def misbehaving(server: MessagesServer, *tries: Callable[[Any, Callable[[], Any]], Any]) -> None:
    """Make the first creations of batches go as `tries` say, each given the connection and what makes the batch."""
    usual, left = server._misbehave, list(tries)

    async def misbehave(writer: Any, fault: str | None, handle: Callable[[], Any]) -> None:
        if server.requests[CREATE] and left and not server.requests["GET /v1/messages/batches"]:
            await left.pop(0)(writer, handle)
        else:
            await usual(writer, fault, handle)

    server._misbehave = misbehave  # type: ignore[method-assign]


async def too_many(writer: Any, _: Callable[[], Any]) -> None:
    await _send(writer, *_error(429, "not now"))


async def dropped(_: Any, handle: Callable[[], Any]) -> None:
    handle()
    raise _Drop


async def slowly_dropped(_: Any, handle: Callable[[], Any]) -> None:
    await asyncio.sleep(0.4)
    handle()
    raise _Drop


@pytest.mark.parametrize("tries", [(too_many, dropped), (slowly_dropped,)])
def test_the_wait_before_the_list_is_read_counts_from_the_last_try(tmp_path: Path, tries: Any) -> None:
    """The try before it, or the last try itself, took longer than a batch may take to be listed."""
    with MessagesServer(Behaviour(create_delay=0.15)) as server:
        misbehaving(server, *tries)
        made = folder(tmp_path, server.url, prompts=3, teacher="claude-batch", retry_wait_s=0.4, max_wait_s=0.5)
        assert made.run().status == 0
        assert len(server.batches) == 1
        assert len(server.answered) == 3


def test_when_a_batch_was_tried_last_is_on_disk(tmp_path: Path) -> None:
    """So a run that is killed in its second try waits for the list as long as it takes."""
    with MessagesServer() as server:
        seen: list[float] = []

        async def look(writer: Any, _: Callable[[], Any]) -> None:
            with sqlite3.connect(made.ledger) as connection:
                seen.append(connection.execute("SELECT created FROM batches").fetchone()[0])
            connection.close()
            await too_many(writer, _)

        misbehaving(server, look, look)
        made = folder(tmp_path, server.url, prompts=3, teacher="claude-batch", retry_wait_s=0.1)
        assert made.run().status == 0
        assert seen[1] - seen[0] >= 0.05


@pytest.mark.parametrize("status", [500, 529, 408])
def test_a_refusal_that_is_not_to_be_retried_may_have_made_a_batch(tmp_path: Path, status: int) -> None:
    async def broken(writer: Any, handle: Callable[[], Any]) -> None:
        handle()
        await _send(writer, *_error(status, "broken"), {"x-should-retry": "false"})

    with MessagesServer() as server:
        misbehaving(server, broken)
        made = folder(tmp_path, server.url, prompts=3, teacher="claude-batch")
        assert made.run().status == 0
        assert len(server.batches) == 1
        assert server.requests[CREATE] == 1


def test_a_refusal_that_made_no_batch_stops_the_run(tmp_path: Path) -> None:
    async def broken(writer: Any, _: Callable[[], Any]) -> None:
        await _send(writer, *_error(500, "broken"), {"x-should-retry": "false"})

    with MessagesServer() as server:
        misbehaving(server, broken)
        made = folder(tmp_path, server.url, prompts=3, teacher="claude-batch")
        ran = made.run()
        assert ran.status == 1
        assert "500 api_error: broken" in ran.stderr
        assert server.requests[CREATE] == 1
        assert made.run().status == 0
        assert len(server.batches) == 1


def test_ctrl_c_before_another_try_sends_nothing_more(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(fault_share=1.0, faults=("429",), most_faults=9)) as server:
        made = folder(tmp_path, server.url, prompts=3, teacher="claude-batch", retry_wait_s=20, max_wait_s=20)
        process = made.start()
        wait_for(server, CREATE)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
        assert server.requests[CREATE] == 1
        assert process.returncode == 130
        server.behaviour.fault_share = 0
        assert made.run().status == 0
        assert len(server.batches) == 1


def wait_for(server: MessagesServer, request: str) -> None:
    while not server.requests[request]:
        time.sleep(0.002)


def killed_while_waiting(made: Folder, server: MessagesServer) -> None:
    process = made.start()
    wait_for(server, "GET /v1/messages/batches/msgbatch_0000")
    process.kill()
    process.communicate()


@pytest.mark.parametrize("teacher", ["claude-batch", "claude"])
def test_a_batch_at_another_address_is_not_paid_for_again(tmp_path: Path, teacher: str) -> None:
    with MessagesServer(Behaviour(batch_polls=4)) as first, MessagesServer() as second:
        made = folder(tmp_path, first.url, prompts=3, teacher="claude-batch")
        killed_while_waiting(made, first)
        made.params(teacher)
        made.url = second.url
        ran = made.run()
        assert ran.status == 1
        assert f"are in the batch msgbatch_0000 at {first.url}; set ANTHROPIC_BASE_URL back" in ran.stderr
        assert "`python -m distill.ledger abandon msgbatch_0000`" in ran.stderr
        assert not second.answered
        assert not second.batches
        made.url = first.url
        assert made.run().status == 0
        assert len(first.answered) == 3
        # What is not wanted there is no obstacle.
        made.url = second.url
        made.prompts("Another?")
        assert made.run().status == 0


def test_what_came_before_a_malformed_result_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three: two whole ones and two results of a third."""
    monkeypatch.setattr(batch_results, "CHUNK", 3)
    with MessagesServer() as server:
        process = server._process

        def garbled(batch: dict[str, Any]) -> Iterator[tuple[bytes, Answered | None]]:
            yield from list(process(batch))[:8]
            yield b"{", None

        server._process = garbled  # type: ignore[method-assign]
        made = folder(tmp_path, server.url, prompts=10, teacher="claude-batch", max_attempts=2)
        ran = made.run()
        assert ran.status == 1
        assert "a line of the batch's results is cut off or malformed" in ran.stderr
        states = dict(sqlite3.connect(made.ledger).execute("SELECT state, count(*) FROM calls GROUP BY state"))
        assert states == {"paid": 8, "sent": 2}


def test_a_result_that_echoes_the_key(tmp_path: Path) -> None:
    def process(batch: dict[str, Any]) -> Iterator[tuple[bytes, Answered | None]]:
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": f"you sent {KEY}"}}
        for request in batch["requests"]:
            result = {"type": "errored", "error": error}
            yield _json({"custom_id": request["custom_id"], "result": result}), None

    with MessagesServer() as server:
        server._process = process  # type: ignore[method-assign]
        made = folder(tmp_path, server.url, prompts=1, teacher="claude-batch")
        ran = made.run()
        assert ran.status == 1
        assert "you sent ***" in ran.stderr
        assert KEY not in ran.stderr
        assert KEY.encode() not in made.ledger.read_bytes()
