"""distill.collect, the stage: answers from files, from an API, and what a person sees when something is wrong."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collecting import KEY, Folder, folder
from distill.api import obtain
from distill.common.jsonl import Row, read_jsonl, write_jsonl
from distill.shared.stop_reasons import STOP_REASONS
from messages_server import Behaviour, MessagesServer

NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture
def files(tmp_path: Path) -> Folder:
    made = folder(tmp_path, NOWHERE, prompts=2, teacher="reference")
    (tmp_path / "data/reference").mkdir()
    for name, text in (("p0", "First.\n"), ("p1", "\nZwei: ä 😀\n")):
        (tmp_path / f"data/reference/{name}.md").write_text(text, encoding="utf-8")
    return made


def error_of(made: Folder) -> str:
    """The one line that a failing run shows, which must not hold the key; progress is no part of it."""
    ran = made.run()
    assert ran.status == 1
    lines = [line for line in ran.stderr.splitlines() if line]
    assert lines[-1].startswith("error: ")
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert "Traceback" not in ran.stderr
    assert KEY not in ran.stderr
    return lines[-1]


def test_answers_from_files(files: Folder) -> None:
    assert files.run().status == 0
    assert files.rows() == [
        {"id": "p0", "split": "train", "prompt": "Prompt number 0?", "completion": "First.", "model": "reference",
         "stop_reason": "end_turn", "usage": {"input_tokens": 0, "output_tokens": 0}, "key": "p0"},
        {"id": "p1", "split": "train", "prompt": "Prompt number 1?", "completion": "Zwei: ä 😀", "model": "reference",
         "stop_reason": "end_turn", "usage": {"input_tokens": 0, "output_tokens": 0}, "key": "p1"},
    ]  # fmt: skip
    assert files.metrics() == {"teacher": "reference", "model": "reference", "prompts": 2, "answers": 2, "calls": 0,
                               "cost_usd": 0.0}  # fmt: skip
    assert not files.ledger.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "p1.md: no answer to the prompt 'p1'; write it"),
        (b" \n", "p1.md: the answer to the prompt 'p1' is empty; write it"),
        (b"caf\xe9", "p1.md: the answer to the prompt 'p1' is not UTF-8 at byte 4; save"),
    ],
)
def test_a_file_that_is_no_answer(files: Folder, content: bytes | None, words: str) -> None:
    assert files.run().status == 0
    before = files.output.read_bytes()
    path = files.path / "data/reference/p1.md"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert words in error_of(files)
    assert files.output.read_bytes() == before


def test_no_prompts(files: Folder) -> None:
    files.prompts()
    assert "data/prompts.jsonl: there is no prompt in it" in error_of(files)
    files.params("claude")
    assert "data/prompts.jsonl: there is no prompt in it" in error_of(files)


def test_files_load_neither_client_nor_database(files: Folder) -> None:
    code = ("import sys; from distill.collect import stage as collect; sys.argv = ['collect']; collect.main(); "
            "print([name for name in ('anthropic', 'httpx2', 'sqlite3', 'torch', 'transformers', 'dvc', 'tqdm') "
            "if name in sys.modules])")  # fmt: skip
    process = files.start("-c", code)
    assert process.communicate()[0].splitlines()[-1] == "[]"


def test_an_api_once_and_never_again(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=10)
        assert made.run().status == 0
        first = made.output.read_bytes(), (tmp_path / "metrics/collect.json").read_bytes()
        assert [row["id"] for row in made.rows()] == [f"p{number}" for number in range(10)]
        assert list(made.rows()[0]) == ["id", "split", "prompt", "completion", "model", "stop_reason", "usage", "key"]
        assert all(re.fullmatch("[0-9a-f]{64}", row["key"]) for row in made.rows())
        assert len(server.answered) == 10
        # Deleting the output, a changed option and back, a new prompt: paid is what is new.
        made.output.unlink()
        assert made.run().status == 0
        assert len(server.answered) == 10
        made.params("claude", {"system": "Be brief."})
        assert made.run().status == 0
        assert len(server.answered) == 20
        made.params("claude")
        assert made.run().status == 0
        assert (made.output.read_bytes(), (tmp_path / "metrics/collect.json").read_bytes()) == first
        made.prompts(*(f"Prompt number {number}?" for number in range(11)))
        assert made.run().status == 0
        assert len(server.answered) == 21
        # The Batches API shares the answers.
        made.params("claude-batch")
        assert made.run().status == 0
        assert len(server.answered) == 21


@pytest.mark.parametrize(("teacher", "in_vain"), [("claude", 2), ("claude-batch", 3)])
def test_prompts_are_read_once_and_twice_where_something_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, teacher: str, in_vain: int
) -> None:
    passes = 0

    def reading(*arguments: Any) -> Iterator[Row]:
        nonlocal passes
        passes += 1
        return read_jsonl(*arguments)

    monkeypatch.setattr(obtain, "read_jsonl", reading)
    with MessagesServer(Behaviour(refuse={"number 7": 400})) as server:
        made = folder(tmp_path, server.url, prompts=10, teacher=teacher)
        assert "1 answers are missing, all others are kept: 'p7'" in error_of(made)
        assert passes == in_vain
        server.behaviour.refuse.clear()
        for read in (2, 1):
            passes = 0
            assert made.run().status == 0
            assert passes == read
        assert len(server.answered) == 10


def test_a_bad_row_far_down_costs_no_answer_twice(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=30)
        rows = made.path / "data/prompts.jsonl"
        good = rows.read_text(encoding="utf-8")
        rows.write_text(good + "{}\n", encoding="utf-8")
        assert "data/prompts.jsonl:31: the key 'id' is missing" in error_of(made)
        rows.write_text(good, encoding="utf-8")
        assert made.run().status == 0
        assert len(server.answered) == 30


def test_samples_are_different_answers(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=3)
        made.params("claude", {"samples": 1})
        assert made.run().status == 0
        first = [row["completion"] for row in made.rows()]
        made.params("claude", {"samples": 3})
        assert made.run().status == 0
        assert len(server.answered) == 9
        rows = made.rows()
        assert [(row["id"], row["sample"]) for row in rows] == [(f"p{n}", s) for n in range(3) for s in range(3)]
        assert [row["completion"] for row in rows if row["sample"] == 0] == first
        assert len({row["completion"] for row in rows}) == 9
        assert made.metrics()["prompts"] == 3


def test_two_prompts_that_read_the_same_are_paid_once(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(latency=0.05)) as server:
        made = folder(tmp_path, server.url)
        made.prompts("Same?", "Same?", "Other?")
        assert made.run().status == 0
        assert len(server.answered) == 2
        assert len(made.rows()) == 3
        assert made.rows()[0]["completion"] == made.rows()[1]["completion"]


def test_second_tries_of_two_prompts_that_read_the_same_are_paid_once(tmp_path: Path) -> None:
    """The third prompt comes up while the second try of the first one, which was cut off, is under way."""
    behaviour = Behaviour(latency=0.3, slow={"O1": 0.15}, message={"stop_reason": "max_tokens"})
    with MessagesServer(behaviour) as server:
        other = {"type": "message", "model": "m", "stop_reason": "end_turn", "content": [{"type": "text", "text": "x"}],
                 "usage": {"input_tokens": 9, "output_tokens": 9}}  # fmt: skip
        behaviour.replies["O1"] = (200, json.dumps(other).encode())
        made = folder(tmp_path, server.url, concurrency=2)
        made.prompts("Same?", "O1", "Same?")
        assert made.run().status == 0
        assert server.requests.total() == 3
        assert made.rows()[0]["completion"] == made.rows()[2]["completion"]


def test_an_unknown_stop_reason_is_paid_once_counted_and_listed(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(message={"stop_reason": "compaction"})) as server:
        made = folder(tmp_path, server.url, prompts=2)
        assert made.run().status == 0
        assert server.requests.total() == 2
        assert [row["stop_reason"] for row in made.rows()] == ["compaction"] * 2
        assert made.metrics()["stop_reasons"] == {"compaction": 2}
        assert made.metrics()["unusable_ids"] == {"compaction": ["p0", "p1"]}


@pytest.mark.parametrize("change", [{"usage": {"input_tokens": 1, "output_tokens": 2**63}}, {"stop_reason": None}])
def test_a_message_that_is_no_answer_is_not_paid_again(tmp_path: Path, change: dict[str, Any]) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=3)
        message = {"type": "message", "model": "m", "stop_reason": "end_turn", "content": [], "usage": {}} | change
        server.behaviour.replies["number 1"] = (200, json.dumps(message).encode())
        error = error_of(made)
        assert "1 answers are missing, all others are kept: 'p1': the message that came is not an answer" in error
        assert server.requests.total() == 3
        del server.behaviour.replies["number 1"]
        assert made.run().status == 0


def test_a_lone_surrogate_in_an_error_does_not_hang(tmp_path: Path) -> None:
    body = rb'{"type": "error", "error": {"type": "invalid_request_error", "message": "bad \ud800 text"}}'
    with MessagesServer(Behaviour(replies={"number 1": (400, body)})) as server:
        made = folder(tmp_path, server.url, prompts=3)
        assert "'p1': 400 invalid_request_error: bad ? text" in ended(made.start())
        assert len(server.answered) == 2


def ended(process: "subprocess.Popen[str]", seconds: float = 60) -> str:
    """What a run showed that must not hang."""
    try:
        _, stderr = process.communicate(timeout=seconds)
    finally:
        process.kill()
    assert "Traceback" not in stderr
    return stderr


def test_what_a_proxy_gave_up_on_is_booked_at_its_worst(tmp_path: Path) -> None:
    headers = {"x-should-retry": "false"}
    with MessagesServer(Behaviour(replies={"": (520, b"<html>")}, headers=headers)) as server:
        made = folder(tmp_path, server.url, concurrency=1)
        assert "520" in error_of(made)
        assert server.requests.total() == 1
    assert sqlite3.connect(made.ledger).execute("SELECT state, count(*) FROM calls").fetchall() == [("lost", 1)]


def test_an_open_batch_that_nobody_wants_is_not_waited_for(tmp_path: Path) -> None:
    """Its reservation leaves no room for the next call, and nothing in an online run would free it."""
    with MessagesServer(Behaviour(batch_polls=10**9)) as server:
        made = folder(tmp_path, server.url, prompts=2, teacher="claude-batch")
        process = made.start()
        while not any(batch["polls"] for batch in server.batches.values()):
            time.sleep(0.01)
        process.send_signal(2)
        ended(process)
        made.prompts("Another?")
        made.params("claude", budget_usd=0.08)
        assert "runtime.budget_usd: 0.08 does not cover the next call" in ended(made.start())
        assert not server.answered


def waiting_for_the_budget(path: Path, server: MessagesServer) -> Folder:
    """40 prompts, eight at a time, and a budget that two calls at their worst fit in."""
    return folder(path, server.url, prompts=40, budget_usd=0.15, timeout_s=5)


def test_calls_that_wait_for_the_budget_are_not_sent_after_ctrl_c(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(latency=1.5)) as server:
        process = waiting_for_the_budget(tmp_path, server).start()
        while server.requests.total() < 2:
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(2)
        assert "interrupted" in ended(process)
        assert server.requests.total() == len(server.answered) == 2


def test_calls_that_wait_for_the_budget_are_not_sent_after_a_refusal(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(latency=0.1, refuse={"": 403})) as server:
        assert "403 permission_error" in error_of(waiting_for_the_budget(tmp_path, server))
        assert server.requests.total() == 2


def test_a_rate_limit_beyond_the_longest_wait_ends_the_run(tmp_path: Path) -> None:
    headers = {"anthropic-ratelimit-requests-remaining": "0",
               "anthropic-ratelimit-requests-reset": "2999-01-01T00:00:00Z"}  # fmt: skip
    with MessagesServer(Behaviour(headers=headers)) as server:
        made = folder(tmp_path, server.url, prompts=9, concurrency=2)
        error = error_of(made)
        assert "a rate limit is used up; it asks to wait" in error
        assert "longer than runtime.max_wait_s" in error
        assert len(server.answered) == server.requests.total() == 2
    with MessagesServer(Behaviour(headers=headers, fault_share=1.0, faults=("500",))) as server:
        assert "a rate limit is used up" in error_of(folder(tmp_path / "b", server.url, concurrency=1))
        assert server.requests.total() == 1


@pytest.mark.parametrize("address", ["localhost:9", "http://localhost:port", "http://me:sk-secret@127.0.0.1:9"])
def test_an_address_that_is_none_costs_nothing(tmp_path: Path, address: str) -> None:
    made = folder(tmp_path, address)
    error = error_of(made)
    assert "ANTHROPIC_BASE_URL: this address " in error
    assert b"sk-secret" not in error.encode() + made.ledger.read_bytes()
    assert sqlite3.connect(made.ledger).execute("SELECT count(*) FROM calls").fetchone() == (0,)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"ANTHROPIC_API_KEY": ""}, "ANTHROPIC_API_KEY: this environment variable must hold the API key"),
        ({"ANTHROPIC_API_KEY": "sk-wrong"}, "401 authentication_error"),
        ({"ANTHROPIC_API_KEY": "sk-schlüssel"}, "characters that no key has"),
        ({"ANTHROPIC_BASE_URL": NOWHERE}, "prompts in a row failed: ConnectError"),
    ],
)
def test_key_and_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: str
) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, max_attempts=2)
        usual = made.environment()
        monkeypatch.setattr(Folder, "environment", lambda _: usual | environment)
        started = time.monotonic()
        error = error_of(made)
        assert words in error
        assert time.monotonic() - started < 30
        # The server's message echoes the key that was sent.
        assert "sk-wrong" not in error
        assert not server.answered
        monkeypatch.undo()
        assert made.run().status == 0


def test_the_key_is_in_no_file(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(fault_share=0.3, odd_share=0.3, stall=0.2)) as server:
        made = folder(tmp_path, server.url, prompts=15, timeout_s=0.15)
        process = made.start()
        shown = process.communicate()
        wrong = made.environment() | {"ANTHROPIC_API_KEY": "sk-wrong-but-secret"}
        made.prompts("A new one?")
        python = [sys.executable, "-m"]
        failed = subprocess.run([*python, "distill.collect"], cwd=tmp_path, env=wrong, capture_output=True)
        export = subprocess.run([*python, "distill.ledger", "export", "export.jsonl"], cwd=tmp_path, env=wrong,
                                capture_output=True)  # fmt: skip
    assert failed.returncode == 1
    assert export.returncode == 0
    everything = "".join(shown).encode() + failed.stdout + failed.stderr + export.stdout
    for path in tmp_path.rglob("*"):
        everything += path.read_bytes() if path.is_file() else b""
    assert b"Prompt number" in everything
    assert KEY.encode() not in everything
    assert b"sk-wrong-but-secret" not in everything


@pytest.mark.parametrize(("status", "name"), [(400, "invalid_request_error"), (413, "request_too_large")])
@pytest.mark.parametrize("teacher", ["claude", "claude-batch"])
def test_a_refused_prompt_does_not_cost_the_others(tmp_path: Path, status: int, name: str, teacher: str) -> None:
    with MessagesServer(Behaviour(refuse={"number 3": status})) as server:
        made = folder(tmp_path, server.url, prompts=8, teacher=teacher)
        error = error_of(made)
        assert "1 answers are missing, all others are kept: 'p3': " in error
        assert name in error
        assert len(server.answered) == 7
        made.prompts(*(f"Prompt number {number}?" for number in range(8) if number != 3))
        assert made.run().status == 0
        assert len(server.answered) == 7


@pytest.mark.parametrize(
    ("status", "cure"), [(403, "may not use this model"), (404, "check the model 'claude-sonnet-4-6'")]
)
def test_what_no_prompt_can_get_past_stops_at_once(tmp_path: Path, status: int, cure: str) -> None:
    with MessagesServer(Behaviour(refuse={"": status}, latency=0.02)) as server:
        made = folder(tmp_path, server.url, prompts=60)
        error = error_of(made)
        assert cure in error
        assert "(60 answers are missing, all others are kept)" in error
        assert server.requests.total() <= 8


def test_every_option_refused_stops_early(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(refuse={"": 400})) as server:
        made = folder(tmp_path, server.url, prompts=100)
        assert "5 prompts in a row failed: 400 invalid_request_error" in error_of(made)
        assert server.requests.total() < 20


@pytest.mark.parametrize(
    ("teacher", "words"),
    [
        ("claude", "it asks to wait 0.05 s, longer than runtime.max_wait_s"),
        ("claude-batch", "429 rate_limit_error: not now; run the same"),
    ],
)
def test_a_longer_wait_than_a_run_is_to_last_is_not_cut_short(tmp_path: Path, teacher: str, words: str) -> None:
    """The server asks for 50 ms, and 30 are allowed: nobody asks it again before."""
    with MessagesServer(Behaviour(fault_share=1.0, faults=("429-after",))) as server:
        made = folder(tmp_path, server.url, prompts=20, teacher=teacher, max_wait_s=0.03, concurrency=4)
        assert words in error_of(made)
        assert server.requests.total() <= 5


def test_policies(tmp_path: Path) -> None:
    """Each stop reason has its row, its count and its list; `fail` fails, and keeps what was paid."""
    with MessagesServer(Behaviour(seed=1, odd_share=1.0)) as server:
        made = folder(tmp_path, server.url, prompts=60)
        assert made.run().status == 0
        reasons = {row["stop_reason"] for row in made.rows()}
        assert reasons == set(STOP_REASONS)
        metrics = made.metrics()
        assert sum(metrics["stop_reasons"].values()) == 60
        for reason in ("refusal", "pause_turn", "tool_use", "model_context_window_exceeded", "max_tokens"):
            ids = [row["id"] for row in made.rows() if row["stop_reason"] == reason]
            assert metrics["unusable_ids"][reason] == ids
            assert metrics["unusable"][reason] == len(ids)
        paid = len(server.answered)
        policy: dict[str, Any] = {"pause_turn": "exclude", "tool_use": "exclude", "max_tokens": "retry",
                                  "model_context_window_exceeded": "exclude"}  # fmt: skip
        made.params("claude", {"on_stop": policy | {"refusal": "fail"}})
        made.output.unlink()
        error = error_of(made)
        assert "answers ended with 'refusal', and on_stop.refusal is 'fail'" in error
        assert metrics["unusable_ids"]["refusal"][0] in error
        assert not made.output.exists()
        assert len(server.answered) == paid


def test_a_cut_off_answer_is_asked_for_once_more(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(seed=1, odd_share=1.0)) as server:
        made = folder(tmp_path, server.url, prompts=60)
        assert made.run().status == 0
        twice = [row for row in made.rows() if "superseded" in row["usage"]]
        complete = [row for row in twice if row["stop_reason"] != "max_tokens"]
        assert complete
        assert len(complete) < len(twice)
        for row in complete:
            (first,) = row["usage"]["superseded"]
            assert first["output_tokens"] == 4096
            assert row["usage"]["output_tokens"] == 5000
            assert first["key"] != row["key"]
        metrics = made.metrics()
        assert metrics["superseded"]["calls"] == len(twice)
        assert metrics["calls"] == 60 + len(twice) == len(server.answered)
        assert Decimal(str(metrics["cost_usd"])) == server.bill
        # Without a second try, the first answer is what goes on, and nothing new is paid for.
        paid = len(server.answered)
        policy: dict[str, Any] = dict.fromkeys(
            ("max_tokens", "refusal", "pause_turn", "tool_use", "model_context_window_exceeded"), "exclude"
        )
        made.params("claude", {"on_stop": policy})
        assert made.run().status == 0
        assert len(server.answered) == paid
        assert made.metrics()["stop_reasons"]["max_tokens"] == len(twice)


def test_two_collectors_at_once(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(latency=4)) as server:
        made = folder(tmp_path, server.url, prompts=30, timeout_s=10)
        first = made.start()
        while not server.requests.total():
            time.sleep(0.01)
        error = error_of(made)
        server.behaviour.latency = 0
        assert f"the ledger is in use by process {first.pid} ({sys.executable} -m distill.collect)" in error
        assert first.wait() == 0
        first.communicate()
        assert made.run().status == 0
        assert len(server.answered) == 30


def test_ctrl_c_keeps_what_is_in_flight(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(latency=1)) as server:
        made = folder(tmp_path, server.url, prompts=40, timeout_s=5)
        process = made.start()
        while len(server.answered) < 4:
            time.sleep(0.01)
        time.sleep(0.1)
        process.send_signal(2)
        _, stderr = process.communicate()
        assert process.returncode == 130
        assert "interrupted" in stderr
        assert "Traceback" not in stderr
        answered = len(server.answered)
        assert 8 <= answered < 40
        assert all(one.delivered for one in server.answered)
        server.behaviour.latency = 0
        assert made.run().status == 0
        assert len(server.answered) == 40


def fill(path: Path) -> None:
    """Take all the room there is."""
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk(tmp_path: Path) -> None:
    """On a file system of 24 MB that fills up meanwhile: one line, every paid answer kept, and on it goes."""
    small = tmp_path / "small"
    small.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], capture_output=True)
    if mount.returncode:
        pytest.skip("a small file system needs root: mount -t tmpfs is not permitted here")
    try:
        with MessagesServer(Behaviour(latency=0.1)) as server:
            made = folder(small / "repo", server.url, prompts=120, concurrency=16, timeout_s=5)
            process = made.start()
            while len(server.answered) < 20:
                time.sleep(0.01)
            fill(small / "filler")
            _, stderr = process.communicate()
            assert process.returncode == 1, stderr
            assert "the disk is full; every answer that came is kept" in stderr
            paid = len(server.answered)
            assert 20 < paid < 120
            fill(small / "filler")
            assert "no space left on device; free some space" in error_of(made)
            assert len(server.answered) == paid
            (small / "filler").unlink()
            assert made.run().status == 0
            assert len(server.answered) == 120
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)


def test_a_local_server_needs_no_key(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(key="no-key-needed")) as server:
        made = folder(tmp_path, NOWHERE, prompts=3)
        made.params("local", {"base_url": server.url})
        assert made.run().status == 0
        assert made.metrics()["cost_usd"] == 0.0
        assert {row["model"] for row in made.rows()} == {"local-model"}


def test_a_key_does_not_go_to_a_local_server(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(key=None)) as server:
        made = folder(tmp_path, NOWHERE, prompts=1)
        made.params("local", {"base_url": server.url})
        made.run()
        assert KEY not in str(server.headers)
        assert server.headers[0]["x-api-key"] == "no-key-needed"


def test_a_model_without_a_price(tmp_path: Path) -> None:
    made = folder(tmp_path, NOWHERE)
    made.params("claude", {"model": "claude-unheard-of"})
    assert "prices: no prices for the model 'claude-unheard-of'" in error_of(made)


def test_a_bad_row_of_prompts(tmp_path: Path) -> None:
    made = folder(tmp_path, NOWHERE)
    write_jsonl(tmp_path / "data/prompts.jsonl", [{"id": "a", "split": "train"}])
    assert "data/prompts.jsonl:1: the key 'prompt' is missing" in error_of(made)


@pytest.mark.skipif(os.environ.get("ANTHROPIC_API_KEY_FOR_TESTS") is None, reason="no key of the real API is given")
def test_the_real_api(tmp_path: Path) -> None:
    """One short answer, for a fraction of a cent."""
    made = folder(tmp_path, "https://api.anthropic.com", prompts=1, timeout_s=60)
    made.params("claude", {"max_tokens": 16, "retry_max_tokens": 32}, timeout_s=60, budget_usd=0.01)
    environment = made.environment() | {"ANTHROPIC_API_KEY": os.environ["ANTHROPIC_API_KEY_FOR_TESTS"]}
    subprocess.run([sys.executable, "-m", "distill.collect"], cwd=tmp_path, env=environment, check=True)
    assert made.metrics()["answers"] == 1
