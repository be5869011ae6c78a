"""distill.estimate: what is missing, what it costs at most and about, and who counted."""

import io
import os
import sqlite3
import sys
import time
from contextlib import chdir, redirect_stdout
from decimal import Decimal
from pathlib import Path
from unittest import mock

import pytest

from collecting import Folder, folder
from distill import estimate
from messages_server import Behaviour, MessagesServer


def shown(made: Folder, **environment: str) -> dict[str, str]:
    """The report, by the word before the colon."""
    output = io.StringIO()
    with (
        chdir(made.path),
        mock.patch.dict(os.environ, made.environment() | environment, clear=True),
        mock.patch.object(sys, "argv", ["estimate"]),
        redirect_stdout(output),
    ):
        estimate.main()
    return dict(line.split(": ", 1) for line in output.getvalue().splitlines())


@pytest.mark.parametrize(("teacher", "share"), [("claude", 1), ("claude-batch", Decimal("0.5"))])
def test_before_and_after(tmp_path: Path, teacher: str, share: Decimal) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=10, teacher=teacher, budget_usd=2.5)
        report = shown(made)
        # The server counts 8 tokens and one for every four characters; 1,200 tokens out are expected of each.
        tokens = 10 * (8 + len("Prompt number 0?") // 4)
        assert report["answers"] == "10 wanted, 0 in the ledger, 10 missing"
        assert report["input"] == f"about {tokens} tokens, counted by the API's count-tokens endpoint"
        assert report["output"] == "about 12000 tokens, their length from runtime.expected_output_tokens"
        about = (tokens * 3 + 12000 * 15) * share / Decimal(10**6)
        most = 10 * 4096 * 15 * share / Decimal(10**6)
        assert report["cost"].startswith(f"about ${about:.2f}; at most $")
        at_most = Decimal(report["cost"].split("at most $")[1].split(",")[0])
        assert most < at_most < most + Decimal("0.1")
        assert report["budget"] == "$2.50, of which $0.00 is spent, may have been, or is under way"
        assert not server.answered
        assert made.run().status == 0
        made.prompts(*(f"Prompt number {number}?" for number in range(12)))
        report = shown(made)
        assert report["answers"] == "12 wanted, 10 in the ledger, 2 missing"
        mean = Decimal(sum(one.output_tokens for one in server.answered)) / 10
        assert report["output"] == f"about {round(2 * mean)} tokens, their length from the mean of the ledger's answers"
        assert len(server.answered) == 10


def test_nothing_missing(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=2)
        assert made.run().status == 0
        report = shown(made)
    assert report["answers"] == "2 wanted, 2 in the ledger, 0 missing"
    assert report["cost"] == "about $0.00; at most $0.00, or $0.00 if all are cut off and asked for once more"


def test_without_a_key_the_students_tokenizer_counts(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=5)
        report = shown(made, ANTHROPIC_API_KEY="")
        assert "counted by the tokenizer of HuggingFaceTB/SmolLM2-135M-Instruct" in report["input"]
        assert 15 <= int(report["input"].split()[1]) <= 40
        assert not server.requests


def test_an_api_that_does_not_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with MessagesServer(Behaviour(key="another")) as server:
        report = shown(folder(tmp_path, server.url, prompts=1))
        assert "tokenizer" in report["input"]
        assert "note: the API does not count the tokens (401" in capsys.readouterr().err


def test_files_cost_nothing(tmp_path: Path) -> None:
    assert shown(folder(tmp_path, "http://127.0.0.1:9", teacher="reference")) == {
        "teacher reference": "its answers are files; no calls, $0.00"
    }


def test_prompts_that_read_the_same_are_counted_once(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url)
        made.prompts("Same?", "Same?", "Another?")
        report = shown(made)
        assert report["answers"] == "2 wanted, 0 in the ledger, 2 missing"
        assert report["output"].startswith("about 2400 tokens")


def test_what_is_in_a_batch_is_not_missing(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(batch_polls=10**9)) as server:
        made = folder(tmp_path, server.url, prompts=3, teacher="claude-batch")
        process = made.start()
        while not server.requests["GET /v1/messages/batches/msgbatch_0000"]:
            time.sleep(0.002)
        process.kill()
        process.communicate()
        made.prompts(*(f"Prompt number {number}?" for number in range(5)))
        report = shown(made)
        assert report["answers"] == "5 wanted, 0 in the ledger, 3 in a batch under way, 2 missing"
        assert report["output"].startswith("about 2400 tokens")


def test_what_was_spent_on_a_model_without_a_price(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = folder(tmp_path, server.url, prompts=2)
        assert made.run().status == 0
        with sqlite3.connect(made.ledger) as connection:
            connection.execute("UPDATE calls SET model = 'of-last-year'")
        connection.close()
        note = "no prices for of-last-year in params.yaml; what was spent on it counts as $0 here"
        assert shown(made)["note"] == note
        made.prompts("Another?")
        made.params("claude", budget_usd=1.0)
        assert note in made.run().stderr
