"""distill.estimate: what is missing, what it costs at most and about, and who counted."""

import io
import os
import sqlite3
import sys
import time
from collections.abc import Iterable
from contextlib import chdir, closing, redirect_stdout
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from api_samples import message, record
from collecting import Folder, folder
from distill import estimate
from distill.api import profiles
from distill.api.ledger.ledger import Ledger
from distill.api.ledger.schema import Call
from distill.api.profiles import MessagesTeacher
from distill.api.request import request_for
from distill.common.errors import InputError
from messages_server import Behaviour, MessagesServer


def asking(path: Path, url: str, prompts: int = 0, teacher: str = "claude", **runtime: Any) -> Folder:
    """A folder with so many prompts, as files of data/prompts and as `expand_prompts` writes them."""
    made = folder(path, url, prompts=prompts, teacher=teacher, **runtime)
    made.sources(*(f"Prompt number {number}?" for number in range(prompts)))
    return made


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
        made = asking(tmp_path, server.url, prompts=10, teacher=teacher, budget_usd=2.5)
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
        made.sources(*(f"Prompt number {number}?" for number in range(12)))
        report = shown(made)
        assert report["answers"] == "12 wanted, 10 in the ledger, 2 missing"
        mean = Decimal(sum(one.output_tokens for one in server.answered)) / 10
        assert (
            report["output"]
            == f"about {round(2 * mean)} tokens, their length from the mean of the answers that are there"
        )
        assert len(server.answered) == 10
        made.sources("Something else?")
        assert shown(made)["output"] == (
            f"about {round(mean)} tokens, their length from the mean of the ledger's other answers of this model and "
            "max_tokens"
        )


def test_before_anything_ran(tmp_path: Path) -> None:
    """There is no data/prompts.jsonl yet; one of other prompts than data/prompts has makes no difference."""
    with MessagesServer() as server:
        made = asking(tmp_path, server.url, prompts=3)
        before = shown(made)
        (tmp_path / "data/prompts.jsonl").unlink()
        assert shown(made) == before
        assert before["answers"] == "3 wanted, 0 in the ledger, 3 missing"
        made.prompts("Out of date?")
        assert shown(made) == before
        (tmp_path / "data/prompts.jsonl").unlink()
        edit = yaml.safe_load((tmp_path / "params.yaml").read_text()) | {
            "expand_prompts": {"modifiers": None, "max_train_bases": 2, "max_heldout": None}
        }
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(edit))
        assert shown(made)["answers"] == "2 wanted, 0 in the ledger, 2 missing"
        assert not (tmp_path / "data/prompts.jsonl").exists()


def test_a_mistake_in_the_prompts(tmp_path: Path) -> None:
    made = asking(tmp_path, "http://127.0.0.1:9")
    made.sources("Same?", "Same?")
    with pytest.raises(InputError, match="'p1' has the same prompt as 'p0'"):
        shown(made)


def pay(made: Folder, keys: Iterable[str], tokens: int, max_tokens: int) -> None:
    """Put answers of so many tokens into the ledger."""
    made.ledger.parent.mkdir(exist_ok=True)
    with closing(Ledger(made.ledger)) as ledger:
        for key in keys:
            call = Call(ledger.next_id(), key, "claude-sonnet-4-6", "s", "online", max_tokens, Decimal(1))
            raw = message("Yes.", tokens=(10, tokens))
            record(ledger, call, raw)
            ledger.record_parsed(call.id, raw, "online")


@pytest.mark.parametrize("same_cap", [False, True])
def test_a_judges_answers_are_no_answers_of_the_teachers(tmp_path: Path, same_cap: bool) -> None:
    """The same model gave 152 answers of 1,030 tokens and 96 verdicts of 120: one more answer will have 1,030."""
    with MessagesServer() as server:
        made = asking(tmp_path, server.url)
        texts = [f"Prompt number {number}?" for number in range(153)]
        made.sources(*texts)
        _, teacher = profiles.load(tmp_path / "params.yaml")
        assert isinstance(teacher, MessagesTeacher)
        keys = [request_for(teacher, {"id": "p", "prompt": text}, 0, teacher.max_tokens).key for text in texts]
        pay(made, keys[:152], 1030, teacher.max_tokens)
        pay(made, map(str, range(96)), 120, teacher.max_tokens if same_cap else 1024)
        report = shown(made)
        assert report["answers"] == "153 wanted, 152 in the ledger, 1 missing"
        assert report["output"] == "about 1030 tokens, their length from the mean of the answers that are there"
        if not same_cap:
            made.sources("Something else?")
            assert shown(made)["output"].startswith("about 1030 tokens, their length from the mean of the ledger's")


def test_nothing_missing(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = asking(tmp_path, server.url, prompts=2)
        assert made.run().status == 0
        report = shown(made)
    assert report["answers"] == "2 wanted, 2 in the ledger, 0 missing"
    assert report["cost"] == "about $0.00; at most $0.00, or $0.00 if all are cut off and asked for once more"


def test_without_a_key_the_students_tokenizer_counts(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = asking(tmp_path, server.url, prompts=5)
        report = shown(made, ANTHROPIC_API_KEY="")
        assert "counted by the tokenizer of HuggingFaceTB/SmolLM2-135M-Instruct" in report["input"]
        assert 15 <= int(report["input"].split()[1]) <= 40
        assert not server.requests


def test_an_api_that_does_not_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with MessagesServer(Behaviour(key="another")) as server:
        report = shown(asking(tmp_path, server.url, prompts=1))
        assert "tokenizer" in report["input"]
        assert "note: the API does not count the tokens (401" in capsys.readouterr().err


def test_files_cost_nothing(tmp_path: Path) -> None:
    assert shown(folder(tmp_path, "http://127.0.0.1:9", teacher="reference")) == {
        "teacher reference": "its answers are files; no calls, $0.00"
    }


def test_what_is_in_a_batch_is_not_missing(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(batch_polls=10**9)) as server:
        made = asking(tmp_path, server.url, prompts=3, teacher="claude-batch")
        process = made.start()
        while not server.requests["GET /v1/messages/batches/msgbatch_0000"]:
            time.sleep(0.002)
        process.kill()
        process.communicate()
        made.sources(*(f"Prompt number {number}?" for number in range(5)))
        report = shown(made)
        assert report["answers"] == "5 wanted, 0 in the ledger, 3 in a batch under way, 2 missing"
        assert report["output"].startswith("about 2400 tokens")


def test_what_was_spent_on_a_model_without_a_price(tmp_path: Path) -> None:
    with MessagesServer() as server:
        made = asking(tmp_path, server.url, prompts=2)
        assert made.run().status == 0
        with sqlite3.connect(made.ledger) as connection:
            connection.execute("UPDATE calls SET model = 'of-last-year'")
        connection.close()
        note = "no prices for of-last-year in params.yaml; what was spent on it counts as $0 here"
        assert shown(made)["note"] == note
        made.prompts("Another?")
        made.params("claude", budget_usd=1.0)
        assert note in made.run().stderr
