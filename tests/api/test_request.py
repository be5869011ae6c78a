"""distill.api.request: what is sent, and the key that names its answer."""

import re
from typing import Any

import pytest

from api_samples import PROMPT, teacher
from distill.api.request import Request, canonical, chunks, request_for, wire


def key(sample: int = 0, max_tokens: int = 100, prompt: Any = PROMPT, **change: Any) -> str:
    return request_for(teacher(**change), prompt, sample, max_tokens).key


def test_the_body() -> None:
    assert request_for(teacher(), PROMPT, 0, 100).body == {
        "model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Write a function."}]
    }  # fmt: skip
    full = teacher(system="Be brief.", stop_sequences=["END"], extra={"thinking": {"type": "adaptive"}})
    assert request_for(full, PROMPT, 0, 100).body == {
        "model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Write a function."}],
        "system": "Be brief.", "stop_sequences": ["END"], "thinking": {"type": "adaptive"},
    }  # fmt: skip


def test_what_can_change_an_answer_changes_the_key() -> None:
    keys = [
        key(), key(sample=1), key(max_tokens=101), key(prompt={"id": "p", "prompt": "Write a class."}), key(model="n"),
        key(system="Be brief."), key(stop_sequences=["END"]), key(extra={"thinking": {"type": "adaptive"}}),
        key(base_url="http://localhost:1"),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "change", [{"prompt": PROMPT | {"id": "q", "base": "b"}}, {"samples": 3}, {"cache_system": True}, {"key_env": "K2"},
               {"retry_max_tokens": 500}, {"system": ""}],
)  # fmt: skip
def test_what_cannot_does_not(change: dict[str, Any]) -> None:
    assert key(**change) == key()


def test_the_key_is_a_stable_digest() -> None:
    """If this changes, every ledger is worthless: SHA-256 of the canonical JSON, computed by hand."""
    import hashlib

    text = ('{"request":{"max_tokens":100,"messages":[{"content":"Write a function.","role":"user"}],"model":"m"},'
            '"sample":0,"server":null}')  # fmt: skip
    assert key() == hashlib.sha256(text.encode()).hexdigest()
    assert re.fullmatch("[0-9a-f]{64}", key())


def test_canonical() -> None:
    assert canonical({"b": 1, "a": "ä"}) == canonical({"a": "ä", "b": 1}) == '{"a":"ä","b":1}'.encode()
    assert canonical({"a": "\ud83d"})  # a lone surrogate in a prompt must not end the run


def test_prompt_caching() -> None:
    cached = teacher(system="Be brief.", cache_system=True)
    body = request_for(cached, PROMPT, 0, 100).body
    assert wire(body, cached)["system"] == [
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}
    ]
    assert body["system"] == "Be brief."
    assert wire(body, teacher(system="Be brief.")) is body
    assert wire(body, teacher(cache_system=True)) is body


def requests(number: int, length: int = 10) -> list[Request]:
    return [request_for(teacher(), {"id": f"p{n}", "prompt": f"{n:0{length}}"}, 0, 100) for n in range(number)]


def test_chunks_by_count() -> None:
    parts = list(chunks(requests(7), lambda _: True, 3, 10**9))
    assert [len(chunk) for chunk in parts] == [3, 3, 1]
    assert [one for chunk in parts for one in chunk] == requests(7)


def test_chunks_by_bytes() -> None:
    made = requests(10, 1000)
    parts = list(chunks(made, lambda _: True, 100, 3 * (made[0].size + 200)))
    assert [len(chunk) for chunk in parts] == [3, 3, 3, 1]
    # One that is larger than all that is allowed goes by itself: the API says what it thinks of it.
    assert [len(chunk) for chunk in chunks(made, lambda _: True, 100, 10)] == [1] * 10


def test_chunks_by_budget_and_without_repeats() -> None:
    made = requests(6)
    places = iter([True, True, True, True, False])
    parts = list(chunks([*made[:2], made[0], *made[2:]], lambda _: next(places), 3, 10**9))
    assert parts == [made[:3], made[3:4]]
    assert list(chunks(made, lambda _: False, 3, 10**9)) == []
