"""distill.api.client against the hostile server: which failures pass, which do not, and which may have been billed."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from api_samples import PROMPT, teacher
from distill.api.client import Api, Refused, Transient, _kept_alive
from distill.api.request import request_for
from distill.api.response import load, parse
from distill.common.errors import InputError
from messages_server import Behaviour, MessagesServer

BODY = request_for(teacher(), PROMPT, 0, 100).body


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "sk-test-key")


def call(server: MessagesServer, do: Callable[[Api], Any], timeout_s: float = 0.3, **profile: Any) -> Any:
    async def go() -> Any:
        async with Api(teacher(base_url=server.url, **profile), timeout_s) as api:
            return await do(api)

    return asyncio.run(go())


def create(api: Api) -> Any:
    return api.create(BODY)


def test_raw_bytes_come_out() -> None:
    with MessagesServer() as server:
        reply = call(server, create)
        assert parse(reply.body, batch=False).text == server.answered[0].text
        assert reply.headers["content-type"] == "application/json"


def test_further_options_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    with MessagesServer() as server:
        complete = server._complete
        monkeypatch.setattr(
            server, "_complete", lambda payload, batch: (seen.append(payload), complete(payload, batch))[1]
        )
        body = BODY | {"temperature": 0.5, "thinking": {"type": "adaptive"}, "stop_sequences": ["END"]}
        call(server, lambda api: api.create(body))
    assert seen == [body]


@pytest.mark.parametrize(
    ("fault", "uncertain", "overload", "status"),
    [
        ("429", False, True, 429),
        ("529", False, True, 529),
        ("500", False, False, 500),
        ("408", False, False, 408),
        ("drop-before", True, False, 0),
        ("drop-after", True, False, 0),
        ("stall", True, False, 0),
        ("half", True, False, 0),
    ],
)
def test_what_passes(fault: str, uncertain: bool, overload: bool, status: int) -> None:
    with MessagesServer(Behaviour(fault_share=1.0, faults=(fault,), stall=0.6)) as server:
        with pytest.raises(Transient) as caught:
            call(server, create)
        error = caught.value
        assert (error.uncertain, error.overload, error.status) == (uncertain, overload, status)
        assert server.requests.total() == 1  # the SDK does not try again by itself


def test_retry_after_is_handed_on() -> None:
    with MessagesServer(Behaviour(fault_share=1.0, faults=("429-after",))) as server:
        with pytest.raises(Transient) as caught:
            call(server, create)
        assert caught.value.retry_after == 0.05


def test_no_connection_is_certain() -> None:
    with MessagesServer() as server:
        server.url = "http://127.0.0.1:9"
        with pytest.raises(Transient) as caught:
            call(server, create)
        assert not caught.value.uncertain
        assert "ConnectError" in str(caught.value)


@pytest.mark.parametrize(("status", "of_one_prompt"), [(400, True), (413, True), (403, False), (404, False)])
def test_what_does_not_pass(status: int, of_one_prompt: bool) -> None:
    with MessagesServer(Behaviour(refuse={"function": status})) as server:
        with pytest.raises(Refused) as caught:
            call(server, create)
        assert caught.value.status == status
        assert caught.value.of_one_prompt == of_one_prompt
        assert "the prompt function is refused" in str(caught.value)


@pytest.mark.parametrize("status", [502, 504, 520, 522, 524])
def test_what_a_proxy_gave_up_on_may_have_been_billed(status: int) -> None:
    with MessagesServer(Behaviour(replies={"": (status, b"<html>")})) as server:
        with pytest.raises(Transient) as caught:
            call(server, create)
        assert (caught.value.status, caught.value.uncertain) == (status, True)


def test_the_headers_of_an_error_are_handed_on() -> None:
    headers = {"anthropic-ratelimit-requests-remaining": "0"}
    with MessagesServer(Behaviour(fault_share=1.0, faults=("429",), headers=headers)) as server:
        with pytest.raises(Transient) as caught:
            call(server, create)
        assert caught.value.headers["anthropic-ratelimit-requests-remaining"] == "0"


def test_a_lone_surrogate_in_an_error_becomes_a_question_mark() -> None:
    body = rb'{"type": "error", "error": {"type": "invalid_request_error", "message": "bad \ud800 text"}}'
    words = pytest.raises(Refused, match=r"400 invalid_request_error: bad \? text")
    with MessagesServer(Behaviour(replies={"": (400, body)})) as server, words:
        call(server, create)


def test_a_prompt_that_cannot_be_encoded_is_refused_by_itself() -> None:
    with MessagesServer() as server:
        with pytest.raises(Refused) as caught:
            call(server, lambda api: api.create(BODY | {"messages": [{"role": "user", "content": "\ud800"}]}))
        assert caught.value.of_one_prompt
        assert not server.requests


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("localhost:9", "must start with http"),
        ("", "must start with http"),
        ("http://localhost:port", "is not valid"),
        ("http://localhost:99999", "is not valid"),
        ("http://ü..x", "is not valid"),
        ("http://host\x01", "is not valid"),
        ("http://user:sk-secret@localhost", "must hold neither user, password nor query"),
        ("http://localhost/?token=sk-secret", "must hold neither user, password nor query"),
    ],
)
def test_an_address_that_is_none(address: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
    with pytest.raises(InputError) as caught:
        Api(teacher(), 1.0)
    assert f"ANTHROPIC_BASE_URL: this address {words}" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_echoed_key_is_blotted_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "sk-secret-and-wrong")
    with MessagesServer() as server:
        with pytest.raises(Refused, match=r"401 authentication_error: invalid key Bearer \*\*\*") as caught:
            call(server, create)
        assert "secret" not in repr(caught.value)


def test_a_server_of_ones_own_gets_the_key_both_ways_and_the_api_one() -> None:
    with MessagesServer() as server:
        call(server, create)
        assert server.headers[-1]["x-api-key"] == "sk-test-key"
        assert server.headers[-1]["authorization"] == "Bearer sk-test-key"

        async def go() -> None:
            async with Api(teacher(), 1.0) as api:
                await api.create(BODY)

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ANTHROPIC_BASE_URL", server.url)
            asyncio.run(go())
        assert "x-api-key" not in server.headers[-1]


def test_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEY")
    with pytest.raises(InputError, match="KEY: this environment variable must hold the API key"):
        Api(teacher(), 1.0)


def test_count_tokens() -> None:
    with MessagesServer() as server:
        assert load(call(server, lambda api: api.count_tokens(BODY)).body) == {"input_tokens": 12}
        options = {"tools": [{"name": "look", "input_schema": {"type": "object"}}], "temperature": 0.5}
        more = load(call(server, lambda api: api.count_tokens(BODY | options)).body)
        assert more["input_tokens"] > 12
        assert not server.answered


def test_lines_of_results_are_split_at_line_feeds_alone() -> None:
    """A line separator within a text is no end of a line of JSON."""
    with MessagesServer() as server:
        line = '{"custom_id": "c", "text": "a\u2028b\u2029c\x85d"}'.encode()
        server.batches["b"] = {
            "id": "b",
            "requests": [],
            "created": 0.0,
            "polls": 0,
            "lines": [(line, None), (line, None)],
        }

        async def read(api: Api) -> list[bytes]:
            return [one async for one in api.batch_results("b")]

        assert call(server, read) == [line, line, b""]


def test_connections_are_kept_alive() -> None:
    """An answer of minutes must not be lost to a router that forgets silent connections."""
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))
    with _kept_alive(address) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    made_for: list[object] = []
    with MessagesServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "distill.api.client._kept_alive", lambda address: (made_for.append(address), _kept_alive(address))[1]
        )
        call(server, create)
    assert len(made_for) == 1
