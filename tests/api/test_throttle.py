"""distill.api.throttle: additive increase, multiplicative decrease, and the server's headers."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from collecting import folder
from distill.api.throttle import Pace, retry_after, seconds_until
from messages_server import Behaviour, MessagesServer


async def occupy(pace: Pace, calls: int, overloads: int) -> None:
    """Make `calls` calls at once, the first of which are told that the server is overloaded."""

    async def one(number: int) -> None:
        async with pace.slot() as started:
            await asyncio.sleep(0)
            if number < overloads:
                pace.slow_down(started, None)
            else:
                pace.speed_up()

    await asyncio.gather(*(one(number) for number in range(calls)))


def test_a_burst_of_overloads_halves_once() -> None:
    pace = Pace(16, 1.0)
    asyncio.run(occupy(pace, 16, 16))
    assert pace.limit == 8.0
    asyncio.run(occupy(Pace(16, 1.0), 1, 1))


def test_each_round_halves_again_down_to_one() -> None:
    pace = Pace(16, 1.0)
    limits = []
    for _ in range(6):
        asyncio.run(occupy(pace, int(pace.limit), 1_000))
        limits.append(pace.limit)
    assert limits == [8.0, 4.0, 2.0, 1.0, 1.0, 1.0]


def test_a_round_of_successes_adds_one() -> None:
    pace = Pace(16, 1.0)
    pace.limit = 4.0
    for _ in range(4):
        pace.speed_up()
    assert 4.8 < pace.limit <= 5.0
    for _ in range(1000):
        pace.speed_up()
    assert pace.limit == 16.0


def test_the_limit_holds() -> None:
    pace = Pace(3, 1.0)
    most = 0

    async def one() -> None:
        nonlocal most
        async with pace.slot():
            most = max(most, pace.in_flight)
            await asyncio.sleep(0.001)

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(20)))

    asyncio.run(many())
    assert most == 3
    assert pace.in_flight == 0


def test_a_pause_holds_everyone_and_has_an_end() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    pace = Pace(4, longest_wait_s=5.0, sleep=sleep)
    pace.slow_down(time.monotonic(), 2.0)
    asyncio.run(occupy(pace, 2, 0))
    assert slept == pytest.approx([2.0, 2.0], abs=0.5)
    pace.pause(10**6)
    asyncio.run(occupy(pace, 1, 0))
    assert slept[-1] == pytest.approx(5.0, abs=0.5)


def test_rate_limit_headers() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    reset = (datetime.now(UTC) + timedelta(seconds=30)).isoformat().replace("+00:00", "Z")
    pace = Pace(4, 60.0, sleep)
    pace.obey({"anthropic-ratelimit-requests-remaining": "7", "anthropic-ratelimit-requests-reset": reset})
    asyncio.run(occupy(pace, 1, 0))
    assert slept == []
    pace.obey({"anthropic-ratelimit-output-tokens-remaining": "0", "anthropic-ratelimit-output-tokens-reset": reset})
    asyncio.run(occupy(pace, 1, 0))
    assert slept == pytest.approx([30.0], abs=1.0)


def test_a_reset_beyond_the_longest_wait_is_told() -> None:
    soon, late = ((datetime.now(UTC) + timedelta(seconds=seconds)).isoformat() for seconds in (30, 500))
    pace = Pace(4, 60.0)
    headers = {"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": late,
               "anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": soon}  # fmt: skip
    assert pace.obey(headers) == pytest.approx(500.0, abs=1.0)
    assert pace.obey({}) == 0.0


def test_seconds_until() -> None:
    assert seconds_until("soon") == 0.0
    assert seconds_until("2001-01-01T00:00:00Z") == 0.0
    assert seconds_until((datetime.now(UTC) + timedelta(seconds=9)).isoformat()) == pytest.approx(9.0, abs=1.0)
    naive = (datetime.now(UTC) + timedelta(seconds=9)).replace(tzinfo=None).isoformat()
    assert seconds_until(naive) == pytest.approx(9.0, abs=1.0)


def test_retry_after() -> None:
    assert retry_after({}) is None
    assert retry_after({"retry-after": "7"}) == 7.0
    assert retry_after({"retry-after": "0.5", "retry-after-ms": "40"}) == 0.04
    assert retry_after({"retry-after": "-1"}) is None
    assert retry_after({"retry-after": "nan"}) is None
    assert retry_after({"retry-after": "later"}) is None
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    assert retry_after({"retry-after": date}) == pytest.approx(20.0, abs=2.0)


def test_an_overloaded_server_is_spared(tmp_path: Path) -> None:
    """It takes four calls at once; 32 are allowed. Adapting, few calls are turned away, and all are answered."""
    with MessagesServer(Behaviour(latency=0.01, capacity=4)) as server:
        made = folder(tmp_path, server.url, prompts=150, concurrency=32, max_attempts=30)
        assert made.run().status == 0
        assert len(server.answered) == 150
        turned_away = server.requests["POST /v1/messages"] - 150
        assert 0 < turned_away < 150
