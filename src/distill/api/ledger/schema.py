"""The tables of the ledger, and which values a row of each can have."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from distill.api.response import COUNTS, is_count
from distill.common.jsonl import Row

VERSION = 1
SCHEMA = """
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL, source TEXT NOT NULL, via TEXT NOT NULL,
    model TEXT NOT NULL, server TEXT NOT NULL, day TEXT NOT NULL, max_tokens INTEGER NOT NULL, worst_usd TEXT NOT NULL,
    batch INTEGER, stop_reason TEXT, input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
    cache_creation_input_tokens INTEGER NOT NULL DEFAULT 0, cache_read_input_tokens INTEGER NOT NULL DEFAULT 0,
    error TEXT, crc INTEGER, response BLOB
);
CREATE INDEX calls_key ON calls (key);
CREATE INDEX calls_state ON calls (state) WHERE state != 'paid';
CREATE TABLE batches (
    id INTEGER PRIMARY KEY, nonce TEXT NOT NULL, remote TEXT, state TEXT NOT NULL, server TEXT NOT NULL,
    created REAL NOT NULL, requests INTEGER NOT NULL
);
"""
DOLLARS = re.compile(r"\d+(\.\d+)?(E[+-]?\d+)?")
COLUMNS = ("key", "state", "source", "via", "model", "server", "day", "max_tokens", "worst_usd", "batch",
           "stop_reason", *COUNTS, "error", "crc", "response")  # fmt: skip

TEXTS = ("key", "state", "source", "via", "model", "server", "day", "worst_usd")
NUMBERS = ("max_tokens", *COUNTS)
STATES = ("sent", "failed", "lost", "received", "unreadable", "paid")  # in the order of a call's life

BATCH_COLUMNS = ("nonce", "remote", "state", "server", "created", "requests")


@dataclass(frozen=True)
class Call:
    """A call that is about to be sent; `worst_usd` is the most that it can cost, `via` is `online` or `batch`."""

    id: int
    key: str
    model: str
    server: str
    via: str
    max_tokens: int
    worst_usd: Decimal
    batch: int | None = None
    day: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())


def is_call(row: Row) -> bool:
    """Whether a row has in each of COLUMNS a value that a call can have."""
    return (all(isinstance(row[name], str) for name in TEXTS) and all(is_count(row[name]) for name in NUMBERS)
            and row["state"] in STATES and DOLLARS.fullmatch(row["worst_usd"]) is not None
            and isinstance(row["response"], bytes | None) and isinstance(row["crc"], int | None)
            and (row["state"] not in ("received", "paid") or row["source"] == "stub" or row["response"] is not None)
            )  # fmt: skip


def is_batch(row: Row) -> bool:
    """Whether a row has in each of BATCH_COLUMNS a value that a batch can have."""
    return (all(isinstance(row[name], str) for name in ("nonce", "state", "server"))
            and isinstance(row["remote"], str | None) and isinstance(row["created"], int | float)
            and is_count(row["requests"]))  # fmt: skip
