"""A real teacher on a real server: llama.cpp's, with the embedded student's own file as the teacher's model.

How it behaves is llama.cpp's and not ours: what it says while it loads, where an answer ends that does not fit into its
context, where it puts a reasoning model's thoughts. None of that may end in the training data.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llama_server
from collecting import Folder, folder
from distill import estimate, grow
from distill.common.config import profile
from distill.common.jsonl import Row, read_jsonl
from distill.format.stage import to_messages
from distill.student.model import StudentProfile, location
from llama_server import LlamaServer
from repository import ROOT
from workspace import dvc, load, make_workspace, set_params

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("llama"), pytest.mark.timeout(600)]
CONTEXT = 256
GREEDY = {"temperature": 0}  # llama.cpp passes on temperature, top_p, top_k, thinking and chat_template_kwargs
TURNS = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{% if message.reasoning_content %}<think>\n"
    "{{ message.reasoning_content }}\n</think>\n\n{% endif %}{{ message.content }}<|im_end|>\n{% endfor %}"
)
REASONING = TURNS + "{% if add_generation_prompt %}<|im_start|>{{ 'assistant\\n<think>\\n' }}{% endif %}"
"""The answer begins within the thoughts."""
UNFINISHED = "{% for message in messages %}{{ message.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant"
"""The line of the role is not ended, so that the answer begins with its end."""
COUNT = "Write down the numbers from one to a thousand, in words, with all that comes to your mind about each."
SHORT = (
    "Say hello.",
    "What is the capital of France?",
    "What colour is snow?",
    "Name an animal.",
    "What is two and two?",
)
"""Rounding differs between machines, and so do answers; these are short on any."""


@pytest.fixture(scope="module")
def model() -> Path:
    _, student = profile(StudentProfile, "student", ROOT / "params.yaml")
    folder, _ = location(student)
    return Path(folder) / str(student.gguf_file)


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[LlamaServer]:
    with llama_server.serve(model, context=CONTEXT, slots=2, alias="smollm2") as started:
        yield started


def collecting(path: Path, server: LlamaServer, *prompts: str, **change: Any) -> Folder:
    """A folder whose teacher is the server."""
    made = folder(path, server.url, prompts=0)
    local = {"base_url": server.url, "model": "smollm2", "max_tokens": 8, "retry_max_tokens": 12, "extra": GREEDY}
    made.params("local", local | change, timeout_s=60, max_attempts=10_000)
    made.prompts(*prompts)
    return made


def collected(made: Folder) -> list[Row]:
    ran = made.run()
    assert ran.status == 0, ran.stderr
    return made.rows()


def test_it_is_waited_for_while_it_loads(model: Path, tmp_path: Path) -> None:
    """Started at the same moment: connections are refused, then it answers 503 in a form of its own."""
    with llama_server.serve(model, context=CONTEXT, slots=2, wait=False) as server:
        made = collecting(tmp_path, server, *(f"What is {number}?" for number in range(3)))
        assert len(collected(made)) == 3
    with sqlite3.connect(made.ledger) as ledger:
        errors = dict(ledger.execute("SELECT error, state FROM calls WHERE state != 'paid'"))
    ledger.close()
    assert errors["503 unavailable_error: Loading model"] == "failed"


def test_all_stages(server: LlamaServer, tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    made = make_workspace(tmp_path / "repo")
    shutil.rmtree(made / "data/prompts")
    for split, texts in (("train", (*SHORT, COUNT)), ("heldout", ("Name a colour.", "What do cats eat?"))):
        rows = [{"slug": f"{split}-{number}", "prompt": text} for number, text in enumerate(texts)]
        (made / "data/prompts").mkdir(exist_ok=True)
        (made / f"data/prompts/{split}.yaml").write_text(
            json.dumps({"group": split, "split": split, "prompts": rows}), encoding="utf-8"
        )
    set_params(made, {
        "teacher": "local", "teachers.local.base_url": server.url, "teachers.local.model": "smollm2",
        "teachers.local.system": "Answer in one short sentence.", "teachers.local.extra": GREEDY,
        "teachers.local.max_tokens": 48, "teachers.local.retry_max_tokens": 1024,
        "format.min_kept_share": 0.0,
    })  # fmt: skip
    dvc(made, "repro")
    metrics = load(made / "metrics/collect.json")
    rows = list(read_jsonl(made / "data/teacher_data.jsonl"))
    assert (metrics["teacher"], metrics["answers"], metrics["cost_usd"]) == ("local", 8, 0.0)
    assert {row["model"] for row in rows} == {"smollm2"}
    assert {"end_turn", "max_tokens"} == set(metrics["stop_reasons"])
    # What ended at the context's end is counted, listed, and not trained on.
    cut = {row["id"] for row in rows if row["stop_reason"] == "max_tokens"}
    assert cut == set(metrics["unusable_ids"]["max_tokens"])
    trained = {row["id"] for name in ("train", "val") for row in read_jsonl(made / f"data/{name}.jsonl")}
    assert trained == {row["id"] for row in rows if row["split"] == "train"} - cut
    report = (made / "metrics/report.html").read_text(encoding="utf-8")
    assert all(row["id"] in report for row in rows if row["split"] == "heldout")
    # A second run has everything, and the server is not asked.
    (made / "data/teacher_data.jsonl").unlink()
    before = load(made / "metrics/collect.json")
    dvc(made, "repro", "-f", "-s", "collect")
    assert load(made / "metrics/collect.json") == before


def test_an_answer_that_ends_with_the_context(server: LlamaServer, tmp_path: Path) -> None:
    """It says `max_tokens`, with fewer tokens than were allowed; the second try ends there as well."""
    made = collecting(tmp_path, server, COUNT, max_tokens=1000, retry_max_tokens=2000)
    row = collected(made)[0]
    assert row["stop_reason"] == "max_tokens"
    assert row["usage"]["output_tokens"] < CONTEXT
    assert len(row["usage"]["superseded"]) == 1
    assert made.metrics()["unusable_ids"] == {"max_tokens": ["p0"]}


def test_a_prompt_that_does_not_fit_into_the_context(server: LlamaServer, tmp_path: Path) -> None:
    made = collecting(tmp_path, server, "What is a word?", "word " * 2 * CONTEXT)
    ran = made.run()
    assert ran.status == 1
    assert "1 answers are missing, all others are kept: 'p1': 400 exceed_context_size_error: request" in ran.stderr
    assert f"exceeds the available context size ({CONTEXT} tokens)" in ran.stderr


def test_its_own_counting(server: LlamaServer, tmp_path: Path) -> None:
    """`make estimate` needs no key for a server of one's own: the tokens are those that the answers will be billed."""
    made = collecting(tmp_path, server, "Say hello.", "Why is the sky blue?")
    made.sources("Say hello.", "Why is the sky blue?")
    report = made.command(estimate.main).stdout.splitlines()
    usages = [row["usage"] for row in collected(made)]
    billed = sum(usage["superseded"][0]["input_tokens"] for usage in usages)
    cached = sum(usage["superseded"][0].get("cache_read_input_tokens", 0) for usage in usages)
    assert report[0] == "teacher local: smollm2, Messages API"
    assert f"input: about {billed + cached} tokens, counted by the API's count-tokens endpoint" in report
    assert any(line.startswith("cost: about $0.00; at most $0.00, or") for line in report)


def test_a_teacher_that_cannot_write_prompts(server: LlamaServer, tmp_path: Path) -> None:
    """So small a model answers the example instead: nothing is written, and it is not asked again."""
    made = collecting(tmp_path, server, max_tokens=20, retry_max_tokens=30)
    made.sources("What is the capital of France, and why is it famous?")
    ran = made.command(grow.main)
    assert (ran.status, len(kept(made))) == (0, 2)
    assert ran.stdout.startswith("data/prompts/grown-all.yaml: kept 0; dropped 1 replies without a prompt")
    assert "note: nothing was written" in ran.stderr
    assert made.command(grow.main).stdout == ran.stdout
    assert len(kept(made)) == 2
    assert [path.name for path in (tmp_path / "data/prompts").iterdir()] == ["all.yaml"]


@pytest.fixture(scope="module")
def reasoning(model: Path) -> Iterator[LlamaServer]:
    """A model that thinks before it answers, by its chat template."""
    with llama_server.serve(model, context=512, template=REASONING) as started:
        yield started


def test_thoughts_are_no_part_of_an_answer(reasoning: LlamaServer, tmp_path: Path) -> None:
    """llama.cpp takes them out of the text and makes a block of them; here it ends them after ten tokens."""
    thinking = GREEDY | {"thinking": {"type": "enabled", "budget_tokens": 10}}
    made = collecting(tmp_path, reasoning, "Say hello.", max_tokens=40, retry_max_tokens=41, extra=thinking)
    row = collected(made)[0]
    blocks = kept(made)[-1]
    assert [block["type"] for block in blocks] == ["thinking", "text"]
    assert row["completion"] == blocks[1]["text"]
    assert blocks[0]["thinking"].strip()
    assert "think>" not in row["completion"]


def test_thoughts_that_are_cut_off_are_no_answer(reasoning: LlamaServer, tmp_path: Path) -> None:
    made = collecting(tmp_path, reasoning, "Say hello.")
    row = collected(made)[0]
    assert [block["type"] for block in kept(made)[-1]] == ["thinking"]
    assert (row["completion"], row["stop_reason"]) == ("", "max_tokens")
    assert made.metrics()["unusable_ids"] == {"max_tokens": ["p0"]}


def test_leading_blanks_are_not_trained_on(model: Path, tmp_path: Path) -> None:
    with llama_server.serve(model, context=CONTEXT, template=UNFINISHED) as server:
        row = collected(collecting(tmp_path, server, "Say hello."))[0]
    assert row["completion"].startswith("\n")
    content = to_messages(row, None)["completion"][0]["content"]
    assert content == row["completion"].strip() != ""


def kept(made: Folder) -> list[list[dict[str, Any]]]:
    """The content blocks of the answers in the ledger, in the order of the calls."""
    with sqlite3.connect(made.ledger) as ledger:
        raw = ledger.execute("SELECT response FROM calls WHERE state = 'paid' ORDER BY id").fetchall()
    ledger.close()
    return [json.loads(response)["content"] for (response,) in raw]
