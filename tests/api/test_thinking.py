"""distill.api.thinking: thinking apart from the answer, by hand; and whole runs of collect, with the real SDK."""

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api_samples import PROMPT, teacher
from collecting import folder
from distill.api.hydrate import calls_of
from distill.api.profiles import OnThinking
from distill.api.request import request_for
from distill.api.response import Answer, Usage, parse
from distill.api.thinking import apply, split
from messages_server import Behaviour, MessagesServer

CODE = "Tags are easy:\n\n```python\ntext.replace('<think>', '').replace('</think>', '')\n```"


def answer(text: str, thinking: str | None = None) -> Answer:
    return Answer(text, "m", "end_turn", Usage(1, 2), thinking)


@pytest.mark.parametrize(
    ("text", "thoughts", "rest"),
    [
        ("<think>Hm.</think>Yes.", ["Hm."], "Yes."),
        ("\n <think>\nHm.\n\nSo.\n</think>\n\nYes.\n", ["Hm.\n\nSo."], "Yes.\n"),
        ("<think>\n\n</think>\n\nYes.", [""], "Yes."),
        ("<think>A</think> <think>B</think>Yes.", ["A", "B"], "Yes."),
        # Cut off while it was thinking; and nothing but thinking.
        ("<think>Hm, 2 + 2", ["Hm, 2 + 2"], ""),
        ("<think>Hm.</think>\n", ["Hm."], ""),
        # The chat template opened the tag.
        ("Hm.\n</think>\n\nYes.", ["Hm."], "Yes."),
        ("Hm.</think>\n\nYes.", ["Hm."], "Yes."),
        ("</think>Yes.", [""], "Yes."),
        ("Hm.\n</think>", ["Hm."], ""),
        # A thought that quotes the tag.
        ("<think>Strip </think> first.\n</think>\n\nYes.", ["Strip", "first."], "Yes."),
    ],
)
def test_thinking_at_the_head_is_apart_from_the_answer(text: str, thoughts: list[str], rest: str) -> None:
    assert split(text) == (thoughts, rest)
    assert split(rest) == ([], rest)


@pytest.mark.parametrize(
    "text", ["", " \n", "Yes.", CODE, "The tag </think> ends it.", "a <think>b</think>", "```\n<think>\n</think>\n```"]
)
def test_a_text_that_only_speaks_of_thinking_is_whole(text: str) -> None:
    assert split(text) == ([], text)
    for way in ("drop", "keep"):
        assert apply(answer(text), way) == answer(text)


def test_an_answer_after_thinking_may_speak_of_it() -> None:
    assert apply(answer(f"<think>Hm.</think>\n\n{CODE}"), "drop").text == CODE


@pytest.mark.parametrize(
    ("given", "way", "text", "dropped"),
    [
        (answer("<think>Hm.</think>\n\nYes."), "drop", "Yes.", "Hm."),
        (answer("<think>Hm.</think>\n\nYes."), "keep", "<think>\nHm.\n</think>\n\nYes.", None),
        (answer("Yes.", "Hm."), "drop", "Yes.", "Hm."),
        (answer("Yes.", "Hm."), "keep", "<think>\nHm.\n</think>\n\nYes.", None),
        (answer("\n\nYes.", "Hm."), "keep", "<think>\nHm.\n</think>\n\nYes.", None),
        (answer("\n\nYes.", "Hm."), "drop", "\n\nYes.", "Hm."),
        # Thinking that nobody can read is not kept, and counts as dropped; none at all does not.
        (answer("Yes.", ""), "keep", "Yes.", ""),
        (answer("Yes.", ""), "drop", "Yes.", ""),
        (answer("<think>\n</think>\n\nYes."), "drop", "Yes.", None),
        (answer("<think>\n</think>\n\nYes."), "keep", "Yes.", None),
        # Without an answer there is nothing to keep it for.
        (answer("<think>Hm", None), "keep", "", "Hm"),
        (answer("<think>Hm", None), "drop", "", "Hm"),
        (answer("", "Hm."), "keep", "", "Hm."),
    ],
)
def test_drop_and_keep(given: Answer, way: OnThinking, text: str, dropped: str | None) -> None:
    applied = apply(given, way)
    assert (applied.text, applied.thinking) == (text, dropped)
    assert apply(applied, way).text == text  # as when it comes back from a committed file


def test_blocks_of_thinking_are_read() -> None:
    blocks = [{"type": "thinking", "thinking": "One.", "signature": "s"}, {"type": "redacted_thinking", "data": "x"},
              {"type": "thinking", "thinking": "Two."}, {"type": "text", "text": "Yes."}]  # fmt: skip
    usage = {"input_tokens": 1, "output_tokens": 2}

    def read(content: list[Any]) -> Answer:
        message = {"type": "message", "model": "m", "stop_reason": "end_turn", "usage": usage, "content": content}
        return parse(json.dumps(message).encode(), batch=False)

    assert read(blocks) == answer("Yes.", "One.\n\n\n\nTwo.")
    assert read(blocks[1:2]) == answer("", "")
    assert read(blocks[3:]) == answer("Yes.")


def test_the_key_does_not_know_of_it() -> None:
    keys = {request_for(teacher(on_thinking=way), PROMPT, 0, 100).key for way in ("drop", "keep")}
    assert keys == {request_for(teacher(), PROMPT, 0, 100).key}


THOUGHT = "Which one? The second."
IN_TEXT = [{"type": "text", "text": f"<think>\n{THOUGHT}\n</think>\n\nYes."}]
IN_BLOCKS = [{"type": "thinking", "thinking": THOUGHT, "signature": "s"}, {"type": "text", "text": "Yes."}]


@pytest.mark.parametrize("content", [IN_TEXT, IN_BLOCKS])
@pytest.mark.parametrize("name", ["claude", "claude-batch"])
def test_a_run_drops_it_and_back_keeps_it_for_nothing(tmp_path: Path, content: list[Any], name: str) -> None:
    with MessagesServer(Behaviour(message={"content": content})) as server:
        made = folder(tmp_path, server.url, prompts=3, teacher=name)
        assert made.run().status == 0
        first = made.output.read_bytes()
        assert {(row["completion"], row.get("thinking")) for row in made.rows()} == {("Yes.", "dropped")}
        assert made.metrics()["thinking_dropped"] == 3
        # It is billed, and the ledger has all of it.
        assert Decimal(str(made.metrics()["cost_usd"])) == server.bill
        raw = sqlite3.connect(made.ledger).execute("SELECT response FROM calls WHERE state = 'paid'").fetchall()
        assert len(raw) == 3
        assert all(THOUGHT.encode() in response for (response,) in raw)
        made.params(name, {"on_thinking": "keep"})
        assert made.run().status == 0
        kept = f"<think>\n{THOUGHT}\n</think>\n\nYes."
        assert {(row["completion"], row.get("thinking")) for row in made.rows()} == {(kept, None)}
        assert made.metrics()["thinking_dropped"] == 0
        made.params(name)
        assert made.run().status == 0
        assert made.output.read_bytes() == first
        assert len(server.answered) == 3


def cut_off(text: str, stop_reason: str) -> tuple[int, bytes]:
    message = {"type": "message", "model": "m", "content": [{"type": "text", "text": text}], "stop_reason": stop_reason,
               "usage": {"input_tokens": 9, "output_tokens": 9}}  # fmt: skip
    return 200, json.dumps(message).encode()


@pytest.mark.parametrize("way", ["drop", "keep"])
def test_thinking_without_an_answer_is_no_answer(tmp_path: Path, way: str) -> None:
    """It is asked for once more where it was cut off, and left out by its stop reason, or as empty."""
    replies = {"number 0": cut_off("<think>Hm, 2 + 2", "max_tokens"), "number 1": cut_off("<think>Hm", "end_turn")}
    with MessagesServer(Behaviour(replies=replies)) as server:
        made = folder(tmp_path, server.url, prompts=3)
        made.params("claude", {"on_thinking": way})
        assert made.run().status == 0
        assert server.requests.total() == 4
        assert [row["completion"] for row in made.rows()][:2] == ["", ""]
        assert made.metrics()["unusable_ids"] == {"empty": ["p1"], "max_tokens": ["p0"]}
        assert made.metrics()["thinking_dropped"] == 2


def test_a_clone_counts_what_was_dropped_before(tmp_path: Path) -> None:
    """A committed row says that there was thinking; its text is with the ledger that paid for it."""
    with MessagesServer(Behaviour(message={"content": IN_BLOCKS})) as server:
        made = folder(tmp_path, server.url, prompts=1)
        assert made.run().status == 0
    (row,) = made.rows()
    (call,) = calls_of(row)
    taken_over = parse(call["response"], batch=False)
    assert (taken_over.text, taken_over.thinking) == ("Yes.", "")
    assert apply(taken_over, "drop").text == row["completion"]
