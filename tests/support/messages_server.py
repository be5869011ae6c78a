"""A hostile server of the Messages API and the Message Batches API: real HTTP/1.1 on loopback, misbehaving from a seed.

It answers, refuses, stalls, drops connections before and after an answer is made, and sends halves and rubbish; and it
keeps the books: every answer that it completed, what it billed for it, and whether it was handed over in full. An
answer's text holds a number that is never used twice, so an answer that is paid for again is another text.

Run as a program (`python tests/messages_server.py LATENCY`), it serves without faults, and prints its address.
"""

import asyncio
import contextlib
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

FAULTS = ("429", "429-after", "529", "500", "408", "drop-before", "drop-after", "stall", "half", "malformed")
BILLED = frozenset({"drop-after", "stall", "half", "malformed"})  # the answer is made, and never gets there
STATUSES = {"429": 429, "429-after": 429, "529": 529, "500": 500, "408": 408}
TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
         408: "timeout_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
         529: "overloaded_error"}  # fmt: skip
ODD = ("\u2028\u2029\x85", "\x00\x1f\x7f", "😀🏳️‍🌈", "e\u0301ﬁ", "\ufeff", "مرحبا", "\\u0041\\", '"}{"', "\r\n\t")
INPUT, OUTPUT = Decimal(3), Decimal(15)  # dollars per million tokens


@dataclass
class Answered:
    """One answer that the server completed, and billed."""

    prompt: str
    text: str
    stop_reason: str
    input_tokens: int
    output_tokens: int
    batch: str | None
    delivered_at: float | None = None

    @property
    def delivered(self) -> bool:
        return self.delivered_at is not None

    @property
    def dollars(self) -> Decimal:
        full = (self.input_tokens * INPUT + self.output_tokens * OUTPUT) / 1_000_000
        return full / 2 if self.batch else full


@dataclass
class Behaviour:
    """How hostile the server is: shares are of calls, decided by the seed, the prompt and the number of the try."""

    seed: int = 0
    fault_share: float = 0.0
    faults: tuple[str, ...] = FAULTS
    most_faults: int = 4  # a prompt's first tries may all go wrong, the next one does not
    odd_share: float = 0.0  # stop reasons, empty content, several blocks, odd Unicode
    latency: float = 0.0
    stall: float = 3.0
    key: str | None = "sk-test-key"
    batch_polls: int = 1  # a batch has ended after so many looks at it
    refuse: dict[str, int] = field(default_factory=dict)  # text within a prompt: status
    capacity: int | None = None  # calls at once; 429 beyond
    create_delay: float = 0.0  # seconds until a created batch is listed
    replies: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # text within a prompt: status and body
    slow: dict[str, float] = field(default_factory=dict)  # text within a prompt: seconds more that it takes
    message: dict[str, Any] = field(default_factory=dict)  # what every message has instead of the usual
    headers: dict[str, str] = field(default_factory=dict)  # that every response has


class MessagesServer:
    """`with MessagesServer(...) as server: server.url`."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.answered: list[Answered] = []
        self.tries: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.batches: dict[str, dict[str, Any]] = {}
        self.headers: list[dict[str, str]] = []
        self.most_at_once = 0
        self._at_once = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> "MessagesServer":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def bill(self) -> Decimal:
        return sum((answered.dollars for answered in self.answered), Decimal(0))

    @property
    def delivered_bill(self) -> Decimal:
        return sum((answered.dollars for answered in self.answered if answered.delivered), Decimal(0))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1000)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, _Drop):
                while True:
                    await self._one(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.headers.append(headers)
        self._at_once += 1
        writer.client_left = reader.at_eof  # type: ignore[attr-defined]
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._answer(writer, method, target, headers, body)
        finally:
            self._at_once -= 1

    async def _answer(self, writer: asyncio.StreamWriter, method: str, target: str, headers: dict[str, str],
                      body: bytes) -> None:  # fmt: skip
        path, _, query = target.partition("?")
        self.requests[f"{method} {path}"] += 1
        if self.behaviour.key and headers.get("authorization") != f"Bearer {self.behaviour.key}":
            # The rejection echoes what was sent, as some proxies do.
            await _send(writer, *_error(401, f"invalid key {headers.get('authorization')}"))
            return
        payload = json.loads(body) if body else {}
        if self.behaviour.latency:
            await asyncio.sleep(self.behaviour.latency)
        await asyncio.sleep(sum(more for text, more in self.behaviour.slow.items() if text in self._name(payload)))
        handler = self._route(method, path)
        fault = self._fault(f"{path} {self._name(payload)}")
        await self._misbehave(writer, fault, lambda: handler(payload, path, query))

    def _route(self, method: str, path: str) -> Callable[[Any, str, str], tuple[int, bytes, Any]]:
        if path == "/v1/messages":
            return self._message
        if path == "/v1/messages/count_tokens":
            return _count_tokens
        if path == "/v1/messages/batches":
            return self._create_batch if method == "POST" else self._list_batches
        return self._results if path.endswith("/results") else self._retrieve

    def _name(self, payload: Any) -> str:
        return f"{_prompt(payload)}/{payload.get('max_tokens')}" if "messages" in payload else ""

    def _fault(self, name: str) -> str | None:
        """The fault of this try, from the seed."""
        number = self.tries[name] = self.tries[name] + 1
        chance = random.Random(f"{self.behaviour.seed}/{name}/{number}")
        if self.behaviour.capacity is not None and self._at_once > self.behaviour.capacity:
            return "429"
        if chance.random() >= self.behaviour.fault_share or number > self.behaviour.most_faults:
            return None
        return chance.choice(self.behaviour.faults)

    async def _misbehave(self, writer: asyncio.StreamWriter, fault: str | None, handle: Callable[[], Any]) -> None:
        if fault in STATUSES:
            extra = {"retry-after": "0.05"} if fault == "429-after" else {}
            await _send(writer, *_error(STATUSES[fault], "not now"), extra | self.behaviour.headers)
            return
        if fault == "drop-before":
            raise _Drop
        status, body, answered = handle()
        if fault == "stall":
            await asyncio.sleep(self.behaviour.stall)
        if fault in ("drop-after", "stall"):
            raise _Drop
        if fault == "malformed":
            await _send(writer, 200, body[: len(body) // 2])
            return
        if fault == "half":
            await _send(writer, status, body, cut=len(body) // 2)
            raise _Drop
        # Nothing is handed over to somebody who has left.
        if writer.client_left():  # type: ignore[attr-defined]
            raise _Drop
        await _send(writer, status, body, self.behaviour.headers)
        for one in answered or ():
            one.delivered_at = time.monotonic()

    def _message(self, payload: Any, *_: Any) -> tuple[int, bytes, Any]:
        for text, reply in self.behaviour.replies.items():
            if text in _prompt(payload):
                return (*reply, None)
        for text, status in self.behaviour.refuse.items():
            if text in _prompt(payload):
                return (*_error(status, f"the prompt {text} is refused"), None)
        message, answered = self._complete(payload, None)
        return 200, _json(message, odd=self.behaviour.odd_share > 0), [answered]

    def _complete(self, payload: Any, batch: str | None) -> tuple[dict[str, Any], Answered]:
        """Make an answer, and bill it."""
        prompt = _prompt(payload)
        chance = random.Random(f"{self.behaviour.seed}/{prompt}/answer")
        odd = chance.random() < self.behaviour.odd_share
        length = chance.choice([5_000, 30_000]) if odd and chance.random() < 0.4 else chance.randint(20, 900)
        stop_reason, content = self._content(prompt, chance, odd)
        if length > payload["max_tokens"]:
            stop_reason = "max_tokens"
        text = "".join(block["text"] for block in content if block["type"] == "text")
        answered = Answered(prompt, text, stop_reason, _tokens_in(payload), min(length, payload["max_tokens"]), batch)
        self.answered.append(answered)
        usage = {"input_tokens": answered.input_tokens, "output_tokens": answered.output_tokens,
                 "service_tier": "batch" if batch else "standard", "cache_read_input_tokens": 0}  # fmt: skip
        message = {"id": f"msg_{len(self.answered)}", "type": "message", "role": "assistant", "model": payload["model"],
                   "content": content, "stop_reason": stop_reason, "stop_sequence": None, "usage": usage}  # fmt: skip
        return message | self.behaviour.message, answered

    def _content(self, prompt: str, chance: random.Random, odd: bool) -> tuple[str, list[dict[str, Any]]]:
        text = f"Answer {len(self.answered)} to: {prompt}\n\n```python\nprint({len(self.answered)})\n```"
        if not odd:
            return "end_turn", [{"type": "text", "text": text}]
        kind = chance.choice(["refusal", "pause_turn", "tool_use", "model_context_window_exceeded", "stop_sequence",
                              "empty", "blocks", "unicode"])  # fmt: skip
        if kind == "empty":
            return "end_turn", []
        if kind == "blocks":
            tool = {"type": "tool_use", "id": "t", "name": "f", "input": {"text": "not this"}}
            return "end_turn", [{"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": text},
                                tool, {"type": "text", "text": " And more."}]  # fmt: skip
        if kind == "unicode":
            return "end_turn", [{"type": "text", "text": text + "".join(ODD)}]
        return kind, [{"type": "text", "text": text}]

    def _create_batch(self, payload: Any, *_: Any) -> tuple[int, bytes, Any]:
        name = f"msgbatch_{len(self.batches):04}"
        batch = {"id": name, "requests": payload["requests"], "created": time.time(), "polls": 0, "lines": None}
        ids = [request["custom_id"] for request in batch["requests"]]
        assert len(set(ids)) == len(ids)
        assert all(0 < len(one) <= 64 for one in ids)
        self.batches[name] = batch
        return 200, _json(self._status(batch)), None

    def _retrieve(self, _: Any, path: str, __: str) -> tuple[int, bytes, Any]:
        batch = self.batches.get(path.rsplit("/", 1)[-1])
        if batch is None:
            return (*_error(404, "no such batch"), None)
        batch["polls"] += 1
        if batch["polls"] >= self.behaviour.batch_polls and batch["lines"] is None:
            batch["lines"] = list(self._process(batch))
        return 200, _json(self._status(batch)), None

    def _list_batches(self, _: Any, __: str, query: str) -> tuple[int, bytes, Any]:
        after = next((part.split("=")[1] for part in query.split("&") if part.startswith("after_id=")), None)
        listed = [
            batch for batch in self.batches.values() if batch["created"] + self.behaviour.create_delay < time.time()
        ]
        newest = [self._status(batch) for batch in reversed(listed)]
        names = [batch["id"] for batch in newest]
        start = names.index(after) + 1 if after else 0
        page = newest[start : start + 2]  # small pages, so that there are several
        return 200, _json({"data": page, "has_more": start + 2 < len(newest),
                           "last_id": page[-1]["id"] if page else None}), None  # fmt: skip

    def _results(self, _: Any, path: str, __: str) -> tuple[int, bytes, Any]:
        batch = self.batches[path.split("/")[-2]]
        lines = [line for line, _ in batch["lines"]]
        return 200, b"\n".join(lines) + b"\n", [answered for _, answered in batch["lines"] if answered]

    def _process(self, batch: dict[str, Any]) -> Iterator[tuple[bytes, Answered | None]]:
        chance = random.Random(f"{self.behaviour.seed}/{batch['id']}/process")
        for request in chance.sample(batch["requests"], len(batch["requests"])):
            answered: Answered | None = None
            refused = next((s for t, s in self.behaviour.refuse.items() if t in _prompt(request["params"])), None)
            if refused:
                result: Any = {"type": "errored", "error": json.loads(_error(refused, "refused")[1])}
            elif chance.random() < self.behaviour.fault_share:
                error = {"type": "errored", "error": json.loads(_error(500, "broken")[1])}
                result = chance.choice([{"type": "expired"}, {"type": "canceled"}, error])
            else:
                message, answered = self._complete(request["params"], batch["id"])
                result = {"type": "succeeded", "message": message}
            line = {"custom_id": request["custom_id"], "result": result}
            yield _json(line, odd=self.behaviour.odd_share > 0), answered

    def _status(self, batch: dict[str, Any]) -> dict[str, Any]:
        ended = batch["lines"] is not None
        number = len(batch["requests"])
        counts = {"processing": 0 if ended else number, "succeeded": number if ended else 0, "errored": 0, "expired": 0,
                  "canceled": 0}  # fmt: skip
        created = datetime.fromtimestamp(batch["created"], UTC).isoformat()
        return {"id": batch["id"], "type": "message_batch", "processing_status": "ended" if ended else "in_progress",
                "request_counts": counts, "created_at": created, "expires_at": created, "ended_at": None,
                "results_url": f"{self.url}/v1/messages/batches/{batch['id']}/results" if ended else None}  # fmt: skip


class _Drop(Exception):
    """Close the connection."""


def _prompt(payload: Any) -> str:
    return str(payload["messages"][0]["content"])


def _count_tokens(payload: Any, _: str, __: str) -> tuple[int, bytes, Any]:
    if unknown := payload.keys() - {"model", "messages", "system", "thinking", "tools", "tool_choice"}:
        message = f"{min(unknown)}: Extra inputs are not permitted"
        return 400, _json({"type": "error", "error": {"type": "invalid_request_error", "message": message}}), None
    return 200, _json({"input_tokens": _tokens_in(payload)}), None


def _tokens_in(payload: Any) -> int:
    others = sum(len(json.dumps(payload.get(name, ""))) // 4 for name in ("system", "tools"))
    return 8 + len(_prompt(payload)) // 4 + others


def _json(value: Any, odd: bool = False) -> bytes:
    # Escapes or raw UTF-8, and white space: all legal.
    return json.dumps(value, ensure_ascii=not odd).encode("utf-8", "surrogatepass")


def _error(status: int, message: str) -> tuple[int, bytes]:
    return status, _json({"type": "error", "error": {"type": TYPES[status], "message": message}})


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, extra: dict[str, str] | None = None,
                cut: int | None = None) -> None:  # fmt: skip
    fields = {"content-type": "application/json", "content-length": str(len(body))} | (extra or {})
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    writer.write(head.encode() + body[:cut])
    await writer.drain()


if __name__ == "__main__":
    with MessagesServer(Behaviour(latency=float(sys.argv[1]), key=None)) as served:
        print(served.url, flush=True)
        sys.stdin.read()
