"""A raw response of the Messages API, or a line of a batch's results, as an answer: text, stop reason, usage.

A body that is not JSON, or lacks what an answer must have, is `Unreadable`; nothing is guessed. An unknown stop reason
does not make it unreadable: the answer is there, and billed, and is left out of training under that reason.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distill.common.jsonl import Row
from distill.shared.stop_reasons import COMPLETE

MOST_TOKENS = 2**63 - 1  # the largest integer in SQLite
# Half of a surrogate pair, whose other half may be missing.
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class Unreadable(ValueError):
    """A response that is not an answer; the text says why."""


@dataclass(frozen=True)
class Usage:
    """Tokens that a call is billed for, by their price; `batch`: the batch discount applies."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    batch: bool = False

    @classmethod
    def of(cls, counts: Sequence[int], batch: bool) -> "Usage":
        """Return a usage from its counts in the order of COUNTS."""
        input_, output, written, read = counts
        return cls(input_, output, written, read, batch)

    def row(self) -> Row:
        """Return it as data/teacher_data.jsonl has it: without zeros for caches that were not used."""
        row: Row = {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}
        row |= {name: count for name in COUNTS[2:] if (count := getattr(self, name))}
        return row | ({"service_tier": "batch"} if self.batch else {})


@dataclass(frozen=True)
class Answer:
    """One answer; `text` joins its text blocks, `thinking` its thinking blocks (None: there are none)."""

    text: str
    model: str
    stop_reason: str
    usage: Usage
    thinking: str | None = None

    @property
    def unusable(self) -> str | None:
        """Why it cannot be trained on (its stop reason, or `empty`), or None."""
        if self.stop_reason not in COMPLETE:
            return self.stop_reason
        return None if self.text.strip() else "empty"


def parse(raw: bytes, batch: bool) -> Answer:
    """Return the answer in `raw`, a Message, or with `batch` a line of a batch's results around one.

    Raises:
        Unreadable: It is neither.
    """
    message = load(raw)
    if batch and "result" in message:
        message = _dict(_dict(message["result"], "result").get("message"), "message")
    stop_reason = message.get("stop_reason")
    if not isinstance(stop_reason, str) or not stop_reason:
        raise Unreadable(f"no stop_reason, but {stop_reason!r}")
    content = _blocks(message.get("content"))
    return Answer(_text(content), str(message.get("model")), stop_reason,
                  usage_of(_dict(message.get("usage"), "usage"), batch), _thinking(content))  # fmt: skip


def load(raw: bytes) -> Row:
    """Return the JSON object in `raw`, or raise Unreadable."""
    try:
        value = json.loads(raw.decode("utf-8"))
        if SURROGATE.search(raw):
            value = json.loads(_whole(json.dumps(value, ensure_ascii=False)))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON ({error})") from None
    return _dict(value, "the body")


def is_message(raw: bytes) -> bool:
    """Whether `raw` is a message, which is billed even if it is not an answer."""
    try:
        return load(raw).get("type") == "message"
    except Unreadable:
        return False


def _whole(text: str) -> str:
    # JSON allows a lone surrogate, UTF-8 and SQLite do not: it becomes U+FFFD, as in a browser.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_count(value: Any) -> bool:
    """Whether a value from JSON is a number of tokens that the ledger can hold."""
    return type(value) is int and 0 <= value <= MOST_TOKENS


def usage_of(counts: Row, batch: bool) -> Usage:
    """Return the usage object of a response; the counts of input and output tokens are required."""
    if "input_tokens" not in counts or "output_tokens" not in counts:
        raise Unreadable("no token counts in usage")
    numbers = [counts.get(name) or 0 for name in COUNTS]
    if not all(map(is_count, numbers)):
        raise Unreadable("usage holds something other than counts")
    return Usage.of(numbers, batch)


def _blocks(content: Any) -> list[Row]:
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise Unreadable("content is not a list of blocks")
    return content


def _thinking(content: list[Row]) -> str | None:
    """Return the text of the thinking blocks, None if there are none; a redacted block has no readable text."""
    blocks = [block for block in content if block.get("type") in ("thinking", "redacted_thinking")]
    return "\n\n".join(str(block.get("thinking") or "") for block in blocks).strip() if blocks else None


def _text(content: list[Row]) -> str:
    texts: list[Any] = [block.get("text") for block in content if block.get("type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise Unreadable("a text block without text")
    return "".join(texts)


def _dict(value: Any, name: str) -> Row:
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is not an object")
    return value
