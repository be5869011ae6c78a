"""A prompt, a teacher, a price, calls and responses that tests of the API share."""

import json
from decimal import Decimal
from typing import Any

from distill.api.ledger.ledger import Ledger
from distill.api.ledger.schema import Call
from distill.api.pricing import Price
from distill.api.profiles import MessagesTeacher, StopPolicy

PROMPT = {"id": "p", "prompt": "Write a function."}
POLICY = StopPolicy(
    max_tokens="retry", refusal="exclude", pause_turn="exclude", tool_use="exclude",
    model_context_window_exceeded="exclude",
)  # fmt: skip
SONNET = Price(input=3.0, output=15.0, cache_write=3.75, cache_read=0.3, batch=0.5)


def teacher(**change: Any) -> MessagesTeacher:
    profile: dict[str, Any] = {
        "kind": "messages", "model": "m", "base_url": None, "key_env": "KEY", "system": None, "cache_system": False,
        "max_tokens": 100, "retry_max_tokens": 400, "samples": 1, "stop_sequences": [], "extra": {}, "on_stop": POLICY,
    }  # fmt: skip
    return MessagesTeacher.model_validate(profile | change)


def message(text: str, stop_reason: str = "end_turn", tokens: tuple[int, int] = (10, 20)) -> bytes:
    usage = dict(zip(("input_tokens", "output_tokens"), tokens, strict=True))
    return json.dumps({"type": "message", "model": "m", "stop_reason": stop_reason, "usage": usage,
                       "content": [{"type": "text", "text": text}]}).encode()  # fmt: skip


def record(ledger: Ledger, made: Call, raw: bytes | None = None) -> None:
    """A call was sent, and perhaps its response came."""
    ledger.record_sent(made)
    if raw is not None:
        ledger.record_received(made.id, raw)


def execute(ledger: Ledger, sql: str) -> None:
    """Change the ledger as nothing in the program does."""
    ledger._connection.execute(sql)


def call(ledger: Ledger, key: str = "k", via: str = "online", worst: str = "0.5") -> Call:
    return Call(ledger.next_id(), key, "m", "http://s", via, 100, Decimal(worst), day="2026-01-02")


def pay(ledger: Ledger, key: str, raw: bytes, via: str = "online") -> None:
    made = call(ledger, key, via)
    record(ledger, made, raw)
    ledger.record_parsed(made.id, raw, via)
