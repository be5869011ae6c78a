"""python -m distill.ledger: showing, exporting, importing, giving up a batch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from api_samples import call, execute, message, pay, record
from collecting import folder
from distill import ledger as ledger_cli
from distill.api.ledger.ledger import Ledger
from distill.common.config import PARAMS
from distill.common.errors import InputError
from distill.common.jsonl import Row
from messages_server import Behaviour, MessagesServer
from repository import ROOT

PRICES = ROOT / PARAMS


def filled(path: Path) -> Ledger:
    ledger = Ledger(path)
    pay(ledger, "a" * 64, message("Yes. \u2028", tokens=(1_000_000, 2_000)))
    pay(ledger, "b" * 64, message("No.", tokens=(1_000_000, 0)), "batch")
    lost = call(ledger, "c" * 64)
    record(ledger, lost)
    ledger.record_ended(lost.id, "lost", "ReadTimeout")
    bad = call(ledger, "d" * 64)
    record(ledger, bad, b"\xff\xfe not UTF-8")
    execute(ledger, "UPDATE calls SET state = 'unreadable' WHERE state = 'received'")
    return ledger


def test_show(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "ledger.sqlite")
    execute(ledger, "UPDATE calls SET model = 'claude-sonnet-4-6'")
    shown = list(ledger_cli.show(ledger, PRICES))
    ledger.close()
    # 1 M tokens in at $3 and 2,000 out at $15 a million; and 1 M in for half.
    assert shown[2].split() == ["2026-01-02", "claude-sonnet-4-6", "batch", "1", "1000000", "0", "1.5000"]
    assert shown[3].split() == ["2026-01-02", "claude-sonnet-4-6", "online", "1", "1000000", "2000", "3.0300"]
    assert shown[4].startswith("total: $4.5300")
    # A lost call and an unreadable one count at their worst, 50 cents each.
    assert shown[5].startswith("against the budget: $5.5300")
    assert "      1 lost (no response came, perhaps billed): ReadTimeout" in shown


def test_a_model_without_a_price_says_so(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "ledger.sqlite")
    shown = "\n".join(ledger_cli.show(ledger, PRICES))
    ledger.close()
    assert "no price" in shown


def test_export_and_import(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "ledger.sqlite")
    assert ledger_cli.export_rows(ledger, tmp_path / "all.jsonl") == 4
    rows = list(ledger.rows())
    ledger.close()
    other = Ledger(tmp_path / "other.sqlite")
    pay(other, "a" * 64, message("This one was there before."))
    assert ledger_cli.import_rows(other, tmp_path / "all.jsonl") == 1
    assert ledger_cli.import_rows(other, tmp_path / "all.jsonl") == 0
    found = [other.find(key * 64) for key in "abcd"]
    other.close()
    assert [stored and stored.answer.text for stored in found] == ["This one was there before.", "No.", None, None]
    assert found[1] is not None
    assert found[1].answer.usage.batch
    assert rows[3]["response"].encode("utf-8", "surrogateescape") == b"\xff\xfe not UTF-8"


def test_two_collectors_with_a_ledger_each_become_one(tmp_path: Path) -> None:
    """Two machines answer a share of the prompts each; joined, nothing is missing, and nothing is paid for again."""
    texts = [f"Prompt number {number}?" for number in range(10)]
    with MessagesServer() as server:
        here, there = (folder(tmp_path / name, server.url) for name in ("here", "there"))
        for made, share in ((here, texts[:6]), (there, texts[5:])):  # one prompt is asked for by both
            made.prompts(*share)
            assert made.run().status == 0
        answers = {row["prompt"]: row["completion"] for row in there.rows() + here.rows()}
        for made, *words in ((there, "export", "there.jsonl"), (here, "import", "../there/there.jsonl")):
            command = [sys.executable, "-m", "distill.ledger", *words]
            subprocess.run(command, cwd=made.path, env=made.environment(), check=True, stdout=subprocess.DEVNULL)
        here.prompts(*texts)
        assert here.run().status == 0
        assert len(server.answered) == 6 + 5
    assert {row["prompt"]: row["completion"] for row in here.rows()} == answers
    assert [row["prompt"] for row in here.rows()] == texts


def test_import_of_rubbish(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "ledger.sqlite")
    ledger_cli.export_rows(ledger, tmp_path / "all.jsonl")
    lines = (tmp_path / "all.jsonl").read_text().splitlines()
    first = json.loads(lines[0]) | {"key": "e" * 64, "response": "<html>"}
    (tmp_path / "all.jsonl").write_text(json.dumps(first) + "\n")
    with pytest.raises(InputError, match=r"all\.jsonl:1: the response is not an answer \(not JSON"):
        ledger_cli.import_rows(ledger, tmp_path / "all.jsonl")
    ledger.close()


def test_giving_up_a_batch(tmp_path: Path) -> None:
    with MessagesServer(Behaviour(batch_polls=10**9)) as server:
        made = folder(tmp_path, server.url, prompts=3, teacher="claude-batch")
        process = made.start()
        while server.requests["GET /v1/messages/batches/msgbatch_0000"] < 2:
            pass
        process.kill()
        process.communicate()
        # It has never ended, and never will: nothing is paid for a second time until somebody says so.
        made.params("claude", batch_max_requests=1)
        command = [sys.executable, "-m", "distill.ledger", "abandon"]
        wrong = subprocess.run([*command, "x"], cwd=tmp_path, env=made.environment(), capture_output=True, text=True)
        assert "no open batch x; open are: msgbatch_0000" in wrong.stderr
        done = subprocess.run([*command, "msgbatch_0000"], cwd=tmp_path, env=made.environment(), capture_output=True,
                              text=True)  # fmt: skip
        assert "3 calls given up" in done.stdout
        assert made.run().status == 0
        assert len(server.answered) == 3
        shown = subprocess.run([sys.executable, "-m", "distill.ledger"], cwd=tmp_path, env=made.environment(),
                               capture_output=True, text=True)  # fmt: skip
        assert "3 lost (no response came, perhaps billed): given up" in shown.stdout


def test_no_ledger_yet(tmp_path: Path) -> None:
    made = folder(tmp_path, "http://127.0.0.1:9")
    process = made.start("-m", "distill.ledger")
    assert "there is no ledger yet" in process.communicate()[1]
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": None}, "'model' is not a text"),
        ({"input_tokens": None}, "'input_tokens' is not a count"),
        ({"max_tokens": 2**63}, "'max_tokens' is not a count"),
        ({"crc": 1}, "the response was changed or damaged"),
        ({"response": "\ud800"}, "the response is not an answer"),
    ],
)
def test_import_of_a_row_that_the_ledger_could_not_serve(tmp_path: Path, change: Row, words: str) -> None:
    ledger = filled(tmp_path / "ledger.sqlite")
    ledger_cli.export_rows(ledger, tmp_path / "all.jsonl")
    ledger.close()
    row = json.loads((tmp_path / "all.jsonl").read_text().splitlines()[0]) | change
    (tmp_path / "one.jsonl").write_text(json.dumps(row) + "\n")
    other = Ledger(tmp_path / "other.sqlite")
    with pytest.raises(InputError, match=rf"one\.jsonl:1: {words}.*delete the line"):
        ledger_cli.import_rows(other, tmp_path / "one.jsonl")
    other.close()


def test_an_answer_that_is_in_a_file_twice_is_imported_once(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "ledger.sqlite")
    ledger_cli.export_rows(ledger, tmp_path / "all.jsonl")
    ledger.close()
    text = (tmp_path / "all.jsonl").read_text()
    (tmp_path / "all.jsonl").write_text(text + text)
    other = Ledger(tmp_path / "other.sqlite")
    assert ledger_cli.import_rows(other, tmp_path / "all.jsonl") == 2
    other.close()


def test_a_text_behind_its_stub_is_imported_and_a_stub_not_again(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "ledger.sqlite")
    ledger_cli.export_rows(ledger, tmp_path / "all.jsonl")
    ledger.close()
    row = json.loads((tmp_path / "all.jsonl").read_text().splitlines()[0])
    stub = json.dumps(row | {"source": "stub", "response": None, "crc": None}) + "\n"
    (tmp_path / "stub.jsonl").write_text(stub)
    (tmp_path / "both.jsonl").write_text(stub + json.dumps(row) + "\n")
    other = Ledger(tmp_path / "other.sqlite")
    assert [ledger_cli.import_rows(other, tmp_path / "stub.jsonl") for _ in range(2)] == [1, 0]
    other.close()
    other = Ledger(tmp_path / "third.sqlite")
    assert ledger_cli.import_rows(other, tmp_path / "both.jsonl") == 2
    found = other.find(row["key"])
    other.close()
    assert found is not None
    assert found.answer.text == "Yes. \u2028"


def test_a_corrupt_ledger_is_shown_by_nobody(tmp_path: Path) -> None:
    """Showing changes nothing; the line says what does."""
    made = folder(tmp_path, "http://127.0.0.1:9")
    made.ledger.parent.mkdir()
    made.ledger.write_bytes(b"rubbish" * 1000)
    process = made.start("-m", "distill.ledger")
    stderr = process.communicate()[1]
    assert process.returncode == 1
    assert "the next `python -m distill.collect` (or `dvc repro`) sets it aside and rebuilds it" in stderr
    assert stderr.count("\n") == 1
