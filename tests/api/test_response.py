"""distill.api.response: raw responses as answers, or not."""

import json
from typing import Any

import pytest

from distill.api.response import Unreadable, Usage, is_message, load, parse

USAGE = {"input_tokens": 3, "output_tokens": 5}


def raw(**change: Any) -> bytes:
    message = {"type": "message", "model": "m", "stop_reason": "end_turn", "usage": USAGE,
               "content": [{"type": "text", "text": "Yes."}]}  # fmt: skip
    return json.dumps(message | change).encode()


def text(*blocks: Any) -> str:
    return parse(raw(content=list(blocks)), batch=False).text


def test_a_message() -> None:
    answer = parse(raw(), batch=False)
    assert (answer.text, answer.model, answer.stop_reason, answer.usage) == ("Yes.", "m", "end_turn", Usage(3, 5))
    assert answer.unusable is None


def test_a_line_of_a_batch() -> None:
    line = json.dumps({"custom_id": "c", "result": {"type": "succeeded", "message": json.loads(raw())}}).encode()
    answer = parse(line, batch=True)
    assert answer.text == "Yes."
    assert answer.usage == Usage(3, 5, batch=True)


def test_all_text_blocks_and_nothing_else() -> None:
    tool = {"type": "tool_use", "id": "t", "name": "f", "input": {"text": "no"}}
    thinking = {"type": "thinking", "thinking": "no", "signature": ""}
    assert text(thinking, {"type": "text", "text": "One, "}, tool, {"type": "text", "text": "two."}) == "One, two."
    assert text() == ""
    assert text(thinking) == ""


def test_odd_unicode() -> None:
    assert text({"type": "text", "text": "\u2028\x00😀é"}) == "\u2028\x00😀é"
    # A lone half of a pair cannot be written as UTF-8.
    half = raw().replace(b"Yes.", rb"a\ud83db \ud83d\ude00")
    assert parse(half, batch=False).text == "a\ufffdb 😀"


@pytest.mark.parametrize(
    ("stop_reason", "content", "unusable"),
    [
        ("end_turn", "x", None),
        ("stop_sequence", "x", None),
        ("end_turn", " \n", "empty"),
        ("max_tokens", "x", "max_tokens"),
        ("refusal", "", "refusal"),
        ("pause_turn", "x", "pause_turn"),
        ("tool_use", "x", "tool_use"),
        ("model_context_window_exceeded", "x", "model_context_window_exceeded"),
        ("compaction", "x", "compaction"),  # one that came up later
    ],
)
def test_unusable(stop_reason: str, content: str, unusable: str | None) -> None:
    message = raw(stop_reason=stop_reason, content=[{"type": "text", "text": content}])
    assert parse(message, batch=False).unusable == unusable


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (raw()[:-9], "not JSON"),
        (b"\xff" + raw(), "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "the body is not an object"),
        (raw(stop_reason=None), "no stop_reason, but None"),
        (raw(stop_reason=""), "no stop_reason, but ''"),
        (raw(usage=None), "usage is not an object"),
        (raw(usage={"input_tokens": 1}), "no token counts"),
        (raw(usage=USAGE | {"output_tokens": -1}), "something other than counts"),
        (raw(usage=USAGE | {"output_tokens": "5"}), "something other than counts"),
        (raw(usage=USAGE | {"output_tokens": True}), "something other than counts"),
        (raw(usage=USAGE | {"output_tokens": 2**63}), "something other than counts"),
        (raw(content="Yes."), "content is not a list"),
        (raw(content=["Yes."]), "content is not a list"),
        (raw(content=[{"type": "text"}]), "a text block without text"),
        (b'{"type": "error", "error": {"type": "api_error"}}', "no stop_reason"),
    ],
)
def test_unreadable(body: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        parse(body, batch=False)


def test_lone_surrogates_are_replaced_everywhere() -> None:
    body = raw(model="m\ud800", stop_reason="\udfffx")
    assert b"\\ud800" in body
    answer = parse(body, batch=False)
    assert (answer.model, answer.stop_reason, answer.text) == ("m\ufffd", "\ufffdx", "Yes.")
    assert load(rb'{"error": "\uD800 \ud83d\ude00 \\ud800 \u00e9"}') == {"error": "\ufffd 😀 \\ud800 é"}


def test_a_message_is_known_by_its_type() -> None:
    assert is_message(raw(usage=None))
    assert not any(is_message(body) for body in (b"", b"[]", raw()[:-9], b'{"type": "error"}'))


@pytest.mark.parametrize("result", [None, {}, {"type": "errored", "error": {}}, {"message": 1}])
def test_a_line_without_a_message(result: Any) -> None:
    with pytest.raises(Unreadable):
        parse(json.dumps({"custom_id": "c", "result": result}).encode(), batch=True)


def test_usage_as_a_row() -> None:
    assert Usage(1, 2).row() == {"input_tokens": 1, "output_tokens": 2}
    assert Usage(1, 2, 3, 4, batch=True).row() == {
        "input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 4,
        "service_tier": "batch",
    }  # fmt: skip
    nulls = raw(usage=USAGE | {"cache_read_input_tokens": None, "cache_creation": {"x": 1}})
    assert parse(nulls, batch=False).usage == Usage(3, 5)
