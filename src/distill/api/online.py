"""Asking for the missing answers one call at a time, many calls in flight: the Messages API.

Before a call is sent, it is written to the ledger, and its worst case is reserved from the budget; its raw response is
on disk before it is parsed. A refused call is not retried, and a call in flight, which is paid for, is not cancelled.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from distill.api.budget import Exhausted
from distill.api.client import Refused, Reply, Transient
from distill.api.ledger.schema import Call
from distill.api.request import Request, wire
from distill.api.response import Answer, is_message
from distill.api.retry import Wait, refusal, too_long, unwritable
from distill.api.session import Session
from distill.api.stop import Stopped
from distill.api.throttle import Pace
from distill.common.errors import DistillError, TeacherError

# After so many failed prompts in a row, the prompts are not the reason.
STRIKES = 5


class _Garbled(Exception):
    """The response is a message, which is billed, but not an answer; another try would be billed as well."""


class Collector:
    """One collection; `follow_up` takes a call and its answer, and returns the call that its prompt needs next."""

    def __init__(self, session: Session, follow_up: Callable[[Request, Answer], Request | None]) -> None:
        self._session = session
        self._ledger, self._running, self._runtime = session.ledger, session.running, session.runtime
        self._follow_up = follow_up
        self._pace = Pace(session.runtime.concurrency, session.runtime.max_wait_s, session.running.sleep)
        self._asking: set[str] = set()
        self._strikes = 0

    async def run(self, requests: Iterable[Request]) -> None:
        """Make all calls of `requests` and those that follow from them; return when no call is in flight."""
        shared = iter(requests)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._runtime.concurrency):
                group.create_task(self._work(shared))

    async def _work(self, requests: Iterator[Request]) -> None:
        for request in requests:
            if self._running.stopping:
                return
            await self._obtain(request)

    async def _obtain(self, request: Request) -> None:
        """Make the calls that one prompt needs, and note why if they bring no answer."""
        try:
            await self._follow(request)
        except Stopped:
            pass
        except Exhausted:
            self._running.over_budget()
        except (Refused, Transient, _Garbled) as error:
            self._note(request, error)
        except sqlite3.Error as error:
            self._running.stop(unwritable(self._ledger, error))
        except DistillError as error:
            self._running.stop(error)

    async def _follow(self, request: Request) -> None:
        """Make a call, then those that its answer makes necessary."""
        mine: set[str] = set()
        following: Request | None = request
        try:
            while following is not None:
                # Prompts with the same text share a key and an answer; so do their second tries.
                if following.key in self._asking:
                    return
                self._asking.add(following.key)
                mine.add(following.key)
                following = self._follow_up(following, await self._persist(following))
                self._strikes = 0
            self._session.progress()
        finally:
            self._asking -= mine

    def _note(self, request: Request, error: Refused | Transient | _Garbled) -> None:
        self._strikes += 1
        self._running.outcome.problems[request.key] = str(error)
        if self._strikes >= STRIKES:
            self._stop(f"{self._strikes} prompts in a row failed: {error}; fix that and run the same command again")

    def _stop(self, why: str) -> None:
        self._running.stop(TeacherError(f"{self._session.api.server}: {why}"))

    async def _persist(self, request: Request) -> Answer:
        """Make a call, and repeat it while it fails for a transient reason."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._runtime.max_attempts), wait=Wait(self._runtime), reraise=True,
            retry=retry_if_exception_type(Transient), sleep=self._running.sleep,
        )  # fmt: skip
        return await retrying(self._attempt, request)

    async def _attempt(self, request: Request) -> Answer:
        """Make a call once: wait for a slot, reserve its worst case, and send it."""
        worst = self._session.price.worst(request, batch=False)
        async with self._pace.slot() as started:
            self._check_going_on()
            await self._session.budget.reserve(worst)
            actual = Decimal(0)
            try:
                # Waiting for the reservation may have taken long.
                self._check_going_on()
                actual = worst  # until it is known that less, or nothing, is to be paid
                answer = await self._pay(request, worst)
                actual = self._session.price.cost(answer.usage)
            except (Refused, Transient) as error:
                actual = worst if error.uncertain else Decimal(0)
                self._heed(error, started)
                raise
            finally:
                await self._session.budget.settle_call(worst, actual)
        self._pace.speed_up()
        return answer

    def _check_going_on(self) -> None:
        self._running.check()
        self._ledger.check_room()

    def _heed(self, error: Refused | Transient, started: float) -> None:
        """React to an error: fewer calls, a pause, or the end of the run.

        This comes before the reservation is settled, which may let a waiting call continue.
        """
        if isinstance(error, Refused):
            if not error.of_one_prompt:
                self._running.stop(refusal(self._session.api, self._session.teacher, error))
            return
        if error.overload:
            self._pace.slow_down(started, error.retry_after)
        if too_long(error, self._runtime):
            self._wait_too_long(str(error), error.retry_after)
        self._obey(error.headers)

    def _obey(self, headers: Mapping[str, str]) -> None:
        """Pause until a used-up rate limit is reset; stop if that takes too long."""
        if (wait := self._pace.obey(headers)) > self._runtime.max_wait_s:
            self._wait_too_long("a rate limit is used up", round(wait))

    def _wait_too_long(self, why: str, seconds: float | None) -> None:
        self._stop(f"{why}; it asks to wait {seconds} s, longer than runtime.max_wait_s; run again later")

    async def _pay(self, request: Request, worst: Decimal) -> Answer:
        """Record the call, send it, record its response, parse it."""
        session = self._session
        call = Call(self._ledger.next_id(), request.key, session.teacher.model, session.api.server, "online",
                    request.max_tokens, worst)  # fmt: skip
        self._ledger.record_sent(call)
        try:
            reply = await self._session.api.create(wire(request.body, self._session.teacher))
        except (Refused, Transient) as error:
            self._ledger.record_ended(call.id, "lost" if error.uncertain else "failed", str(error))
            raise
        # There must be no await between the response and this line.
        self._ledger.record_received(call.id, reply.body)
        self._obey(reply.headers)
        await self._ledger.on_disk()
        return self._read(call, reply)

    def _read(self, call: Call, reply: Reply) -> Answer:
        answer = self._ledger.record_parsed(call.id, reply.body, call.via)
        if answer is not None:
            return answer
        if is_message(reply.body):
            raise _Garbled("the message that came is not an answer (see `python -m distill.ledger`)")
        raise Transient("the response is not an answer of the Messages API", uncertain=True)
