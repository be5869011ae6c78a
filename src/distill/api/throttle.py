"""How many calls may be in flight: additive increase, multiplicative decrease, and the pauses a server asks for."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RATE_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")
DECREASE = 0.5
JITTER = 0.02  # of a pause, so that calls do not all resume at once


class Pace:
    """An adaptive limit, from 1 to `most`, on the calls in flight; `sleep` may return early to stop the run."""

    def __init__(
        self, most: int, longest_wait_s: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.most = most
        self._sleep = sleep
        self.limit = float(most)
        self.in_flight = 0
        self._longest_wait_s = longest_wait_s
        self._resume = 0.0
        self._last_decrease = 0.0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Wait for a free slot and the end of any pause; yield the start time, which `slow_down` needs."""
        async with self._changed:
            while self.in_flight >= int(self.limit):
                await self._changed.wait()
            self.in_flight += 1
        try:
            # The pause may be prolonged meanwhile; this call does not wait for that, but its next attempt will.
            if (wait := self._resume - time.monotonic()) > 0:
                await self._sleep(wait * random.uniform(1, 1 + JITTER))  # noqa: S311 (no secret)
            yield time.monotonic()
        finally:
            async with self._changed:
                self.in_flight -= 1
                self._changed.notify_all()

    def speed_up(self) -> None:
        """A call succeeded: one more slot for each round of calls that do."""
        self.limit = min(self.most, self.limit + 1 / self.limit)

    def slow_down(self, started: float, retry_after: float | None) -> None:
        """The server is overloaded: halve the slots, once for all calls that were in flight together."""
        if started >= self._last_decrease:
            self.limit = max(1.0, self.limit * DECREASE)
            self._last_decrease = time.monotonic()
        if retry_after:
            self.pause(retry_after)

    def pause(self, seconds: float) -> None:
        """Send nothing for that long, and at most for the longest wait."""
        self._resume = max(self._resume, time.monotonic() + min(seconds, self._longest_wait_s))

    def obey(self, headers: Mapping[str, str]) -> float:
        """Pause until the rate limits that the server's headers report as used up are reset.

        Returns:
            The seconds until the last of these resets, which may be more than the longest wait.
        """
        used_up = [name for name in RATE_LIMITS if headers.get(f"anthropic-ratelimit-{name}-remaining") == "0"]
        resets = (seconds_until(headers.get(f"anthropic-ratelimit-{name}-reset", "")) for name in used_up)
        wait = max(resets, default=0.0)
        self.pause(wait)
        return wait


def seconds_until(reset: str) -> float:
    """Return the seconds until an RFC 3339 time; 0 if it has passed, or is not a time."""
    try:
        moment = datetime.fromisoformat(reset)
    except ValueError:
        return 0.0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a response asks to wait (a number or an HTTP date), or None."""
    if (milliseconds := _float(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if (seconds := _float(value)) is not None or value is None:
        return seconds
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _float(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
