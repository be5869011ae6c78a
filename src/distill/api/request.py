"""A prompt as a request of the Messages API, and the key that names its answer.

The key is a SHA-256 of the sample's number and the canonical JSON of everything that can change the answer. So online
calls, batches and earlier runs share answers, and a changed option pays only for what it changes. The key covers
neither prompt caching, which changes only the price, nor the API key.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from distill.api.profiles import ApiTeacher
from distill.common.jsonl import Row

CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
ENVELOPE_BYTES = 200  # that a batch adds to each request


@dataclass(frozen=True)
class Request:
    """One call to make: `body` is what is sent, except for cache marks; its answer is stored under `key`."""

    prompt_id: str
    sample: int
    body: Row
    key: str

    @property
    def max_tokens(self) -> int:
        """How many tokens the answer may have."""
        return int(self.body["max_tokens"])

    @property
    def size(self) -> int:
        """Bytes of the request, an upper bound on its tokens."""
        return len(canonical(self.body))


def request_for(teacher: ApiTeacher, prompt: Row, sample: int, max_tokens: int) -> Request:
    """Return the call that asks for one sample of an answer of up to `max_tokens` tokens to a row of prompts.jsonl."""
    body: Row = {
        "model": teacher.model,
        "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": prompt["prompt"]}],
        **({"system": teacher.system} if teacher.system else {}),
        **({"stop_sequences": list(teacher.stop_sequences)} if teacher.stop_sequences else {}),
        **teacher.extra,
    }
    # Different servers give different answers. (ANTHROPIC_BASE_URL is left out: it names a way to the API, such as a
    # company's gateway, and must not change the outputs.)
    identity = {"request": body, "sample": sample, "server": teacher.base_url}
    return Request(prompt["id"], sample, body, hashlib.sha256(canonical(identity)).hexdigest())


def wire(body: Row, teacher: ApiTeacher) -> Row:
    """Return the body as it is sent: with a cache mark on the system prompt if the profile wants one."""
    if not (teacher.cache_system and teacher.system):
        return body
    block = {"type": "text", "text": teacher.system, "cache_control": {"type": "ephemeral"}}
    return body | {"system": [block]}


def canonical(value: Row) -> bytes:
    """Return the JSON text of a value, which does not depend on the order of its keys."""
    return CANONICAL.encode(value).encode("utf-8", "surrogatepass")


def chunks(
    requests: Iterable[Request], fits: Callable[[Request], bool], most: int, most_bytes: int
) -> Iterator[list[Request]]:
    """Yield lists of at most `most` calls and `most_bytes` bytes, each call once; stop at one that does not fit."""
    chunk: list[Request] = []
    size = 0
    seen: set[str] = set()
    for request in requests:
        if request.key in seen:
            continue
        seen.add(request.key)
        if not fits(request):
            break
        if chunk and (len(chunk) >= most or size + request.size > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(request)
        size += request.size + ENVELOPE_BYTES
    if chunk:
        yield chunk
