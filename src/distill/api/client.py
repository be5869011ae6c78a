"""The Messages API and the Message Batches API through the official SDK: the only import of `anthropic`.

It returns raw bytes, so that they can be stored before they are parsed. The SDK's own retries are off: each attempt is
one call here, counted and paid for on its own. No error shows the API key.
"""

import os
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any

import aiohttp
import anthropic
import httpx2

from distill.api.profiles import RESERVED, ApiTeacher, unfit_address
from distill.api.throttle import retry_after
from distill.common.errors import InputError
from distill.common.jsonl import Row

# Keys of a request that the SDK has arguments for; the others go through `extra_body`.
NAMED = RESERVED - {"stream"}
# Keys of a request that the count-tokens endpoint accepts.
COUNTED = {"model", "messages", "system", "thinking", "tools", "tool_choice", "output_config", "cache_control"}
# The server may still process, and bill, a call that ended with one of these.
UNCERTAIN_STATUSES = frozenset({502, 504, 520, 522, 524})
CONNECT_TIMEOUT_S = 10.0
KEEPALIVE_S = 60
NO_KEY = "no-key-needed"  # the SDK wants one


class Refused(Exception):
    """The request is refused, so another try is no use; nothing is billed, unless it is `uncertain`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def of_one_prompt(self) -> bool:
        """Whether the prompt may be the reason, so that others can succeed."""
        return self.status in (400, 413, 422)

    @property
    def uncertain(self) -> bool:
        """Whether the call may have been answered: a proxy gave up, and said not to try again."""
        return self.status in UNCERTAIN_STATUSES


class Transient(Exception):
    """Another try may succeed. `uncertain`: the call may nevertheless have been answered, and billed."""

    def __init__(
        self, message: str, uncertain: bool, status: int = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.uncertain = uncertain
        self.status = status
        self.headers = headers or {}
        self.retry_after = retry_after(self.headers)

    @property
    def overload(self) -> bool:
        """Whether the server was overloaded and did not process the request."""
        return self.status in (429, 529)


@dataclass(frozen=True)
class Reply:
    """A successful response, unparsed."""

    body: bytes
    headers: Mapping[str, str]


class Api:
    """A client for one teacher; close it with `async with`."""

    def __init__(self, teacher: ApiTeacher, timeout_s: float) -> None:
        _check_address(teacher)
        self._key = _key(teacher)
        # Self-hosted servers often expect the key in this header.
        headers = {"x-api-key": self._key} if teacher.base_url is not None else {}
        self._client = anthropic.AsyncAnthropic(
            api_key=self._key, base_url=teacher.base_url, max_retries=0, default_headers=headers, open_telemetry=False,
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)), http_client=_http_client(),
        )  # fmt: skip

    @property
    def server(self) -> str:
        """The server's address."""
        return str(self._client.base_url).rstrip("/")

    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def create(self, body: Row) -> Reply:
        """Send one request of the Messages API.

        Raises:
            Refused, Transient: There is no answer.
        """
        named = {name: value for name, value in body.items() if name in NAMED}
        extra = {name: value for name, value in body.items() if name not in NAMED}
        messages = self._client.messages.with_raw_response
        return await self._reply(messages.create(**named, extra_body=extra or None))

    async def count_tokens(self, body: Row) -> Reply:
        """Ask how many input tokens a request has; this is not billed."""
        counted = {name: value for name, value in body.items() if name in COUNTED}
        return await self._reply(self._client.messages.with_raw_response.count_tokens(**counted))

    async def create_batch(self, requests: list[Row]) -> Reply:
        """Create a batch of `{custom_id, params}`."""
        create: Any = self._client.messages.batches.with_raw_response.create
        return await self._reply(create(requests=requests))

    async def retrieve_batch(self, remote: str) -> Reply:
        """Ask for the state of a batch."""
        return await self._reply(self._client.messages.batches.with_raw_response.retrieve(remote))

    async def list_batches(self, after: str | None) -> Reply:
        """Return a page of the batches of this key's workspace, the newest first."""
        options: dict[str, Any] = {"limit": 100} | ({"after_id": after} if after else {})
        return await self._reply(self._client.messages.batches.with_raw_response.list(**options))

    async def batch_results(self, remote: str) -> AsyncIterator[bytes]:
        """Yield the lines of an ended batch's results, as they come in."""
        try:
            async with self._client.messages.batches.with_streaming_response.results(remote) as response:
                rest = b""
                # The SDK and httpx would also split at Unicode line separators within a string.
                async for chunk in response.iter_bytes():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield line
                yield rest
        except (anthropic.AnthropicError, httpx2.HTTPError, ValueError) as error:
            # Before it streams, the SDK retrieves the batch once more, and lets a JSONDecodeError through.
            raise self._translate(error) from None

    async def _reply(self, call: Any) -> Reply:
        try:
            response = (await call).http_response
        except (anthropic.AnthropicError, httpx2.InvalidURL, ValueError, TypeError) as error:
            # Errors that the SDK does not wrap occur before it sends anything.
            raise self._translate(error) from None
        return Reply(response.content, response.headers)

    def _translate(self, error: Exception) -> Exception:
        if isinstance(error, anthropic.APIStatusError):
            return self._translate_status(error)
        # The SDK wraps what the transport raised, but not while a body is streamed.
        cause = error if isinstance(error, httpx2.HTTPError) else error.__cause__ or error
        kind = type(cause).__name__
        message = self.clean(f"{kind}: {cause}" if str(cause) else kind)
        if isinstance(cause, httpx2.TransportError | httpx2.DecodingError | JSONDecodeError) and not isinstance(
            cause, httpx2.UnsupportedProtocol
        ):
            return Transient(message, uncertain=not _never_sent(cause))
        # If one prompt cannot be encoded, others still can.
        return Refused(400 if isinstance(cause, UnicodeEncodeError) else 0, message)

    def _translate_status(self, error: anthropic.APIStatusError) -> Exception:
        status = error.status_code
        message = self.clean(f"{status} {error.type or ''}: {error.api_message or error.message}")
        passing = status in (408, 409, 429) or status >= 500
        if not passing or error.response.headers.get("x-should-retry") == "false":
            return Refused(status, message)
        return Transient(message, uncertain=status in UNCERTAIN_STATUSES, status=status, headers=error.response.headers)

    def clean(self, text: str) -> str:
        """Return a server's message as one short line without the key."""
        # A server or a proxy may echo the request; a lone surrogate can be neither stored nor shown.
        legal = text.encode("utf-8", "replace").decode("utf-8")
        return " ".join(legal.replace(self._key, "***").split())[:300]


def _http_client() -> Any:
    """Return the SDK's aiohttp transport, which at 64 calls at once takes half the CPU time of its default one."""
    client: Any = anthropic.DefaultAioHttpClient()
    transport = client._transport
    # Keep-alive, as in the SDK's default transport: routers drop a connection on which nothing is sent for minutes.
    transport.client = lambda: aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=transport.ssl_context, socket_factory=_kept_alive)
    )
    return client


def _kept_alive(address: Any) -> socket.socket:
    made = socket.socket(address[0], address[1], address[2])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), KEEPALIVE_S)
    return made


def _never_sent(error: BaseException | None) -> bool:
    """Whether there never was a connection.

    Only aiohttp's own errors tell: the SDK turns a connection that was lost into a ConnectError as well.
    """
    while error is not None:
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return True
        error = error.__cause__
    return False


def _check_address(teacher: ApiTeacher) -> None:
    """Refuse an address that is invalid, or holds a secret, before anything is sent, written or shown."""
    name = "ANTHROPIC_BASE_URL" if teacher.base_url is None else "base_url"
    url = os.environ.get(name) if teacher.base_url is None else teacher.base_url
    if url is not None and (problem := unfit_address(url)):
        raise InputError(f"{name}: this address {problem}")
    try:
        httpx2.URL(url or "")
    except httpx2.InvalidURL:
        raise InputError(f"{name}: this address is not valid; check host and port") from None


def _key(teacher: ApiTeacher) -> str:
    if teacher.key_env is None:
        return NO_KEY
    key = os.environ.get(teacher.key_env, "").strip()
    if not key:
        raise InputError(f"{teacher.key_env}: this environment variable must hold the API key for the teacher's model "
                         f"{teacher.model}; set it, or choose another teacher in params.yaml")  # fmt: skip
    if not key.isascii() or not key.isprintable():
        raise InputError(f"{teacher.key_env}: the key holds characters that no key has; set it again")
    return key
