"""Asking for the missing answers one call at a time, many calls in flight: the Messages API.

Every call is written to the ledger before it is sent, its worst case reserved from the budget; its raw response is in
the ledger before it is parsed. What it will not do: retry what is refused, or cancel a call that is being paid for.
"""

import asyncio
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from distill.api.budget import Budget, Exhausted
from distill.api.client import Api, Refused, Reply, Transient
from distill.api.ledger.ledger import Ledger
from distill.api.ledger.schema import Call
from distill.api.pricing import Price
from distill.api.profiles import ApiTeacher, RuntimeParams
from distill.api.request import Ask, wire
from distill.api.response import Answer, is_message
from distill.api.stop import Running, Stopped
from distill.api.throttle import Pace
from distill.common.errors import DistillError, TeacherError

# So many prompts in a row without an answer, and none since: it is not the prompts.
STRIKES = 5
CURES = {
    401: "check the key in {key_env}",
    403: "the key in {key_env} may not use this model",
    404: "check the model '{model}' and the address",
}


class _Garbled(Exception):
    """A message came, and is billed, but is not an answer; another try would be billed as well."""


@dataclass
class Collector:
    """One collection: `follow_up` says, given a call and its answer, which call its prompt needs next."""

    api: Api
    teacher: ApiTeacher
    runtime: RuntimeParams
    price: Price
    ledger: Ledger
    budget: Budget
    running: Running
    progress: Callable[[], object]
    follow_up: Callable[[Ask, Answer], Ask | None]

    def __post_init__(self) -> None:
        self._pace = Pace(self.runtime.concurrency, self.runtime.max_wait_s, self.running.sleep)
        self._asking: set[str] = set()
        self._strikes = 0

    async def run(self, asks: Iterable[Ask]) -> None:
        """Make all calls of `asks` and those that follow from them; return when no call is in flight."""
        shared = iter(asks)
        async with asyncio.TaskGroup() as group:
            for _ in range(self.runtime.concurrency):
                group.create_task(self._work(shared))

    async def _work(self, asks: Iterator[Ask]) -> None:
        for ask in asks:
            if self.running.stopping:
                return
            await self._obtain(ask)

    async def _obtain(self, ask: Ask) -> None:
        """Make the calls that one prompt needs, and note it if there is no answer in the end."""
        try:
            await self._follow(ask)
        except Stopped:
            pass
        except Exhausted:
            self.running.over_budget()
        except (Refused, Transient, _Garbled) as error:
            self._note(ask, error)
        except sqlite3.Error as error:
            self.running.stop(unwritable(self.ledger, error))
        except DistillError as error:
            self.running.stop(error)

    async def _follow(self, ask: Ask) -> None:
        """Make a call, then those that its answer makes necessary."""
        mine: set[str] = set()
        following: Ask | None = ask
        try:
            while following is not None:
                # Two prompts that read the same have one key, and one answer; so have their second tries.
                if following.key in self._asking:
                    return
                self._asking.add(following.key)
                mine.add(following.key)
                following = self.follow_up(following, await self._persist(following))
                self._strikes = 0
            self.progress()
        finally:
            self._asking -= mine

    def _note(self, ask: Ask, error: Refused | Transient | _Garbled) -> None:
        self._strikes += 1
        self.running.outcome.problems[ask.key] = str(error)
        if self._strikes >= STRIKES:
            self.running.stop(TeacherError(f"{self.api.server}: {self._strikes} prompts in a row failed: {error}; mend "
                                           "that and run the same command again"))  # fmt: skip

    async def _persist(self, ask: Ask) -> Answer:
        """Make a call, again and again while it fails for a passing reason."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.runtime.max_attempts), wait=Wait(self.runtime), reraise=True,
            retry=retry_if_exception_type(Transient), sleep=self.running.sleep,
        )  # fmt: skip
        return await retrying(self._attempt, ask)

    async def _attempt(self, ask: Ask) -> Answer:
        """Make a call once: wait for a place, reserve its worst case, and send it."""
        worst = self.price.worst(ask, batch=False)
        async with self._pace.slot() as started:
            self._check_going_on()
            await self.budget.reserve(worst)
            actual = Decimal(0)
            try:
                # The reservation may have been long in coming.
                self._check_going_on()
                actual = worst  # until it is known that less, or nothing, is to be paid
                answer = await self._pay(ask, worst)
                actual = self.price.cost(answer.usage)
            except (Refused, Transient) as error:
                actual = worst if error.uncertain else Decimal(0)
                self._heed(error, started)
                raise
            finally:
                await self.budget.settle_call(worst, actual)
        self._pace.speed_up()
        return answer

    def _check_going_on(self) -> None:
        self.running.check()
        self.ledger.check_room()

    def _heed(self, error: Refused | Transient, started: float) -> None:
        """Do what an error asks for: fewer calls, a pause, or an end.

        It comes before the settling, which lets a call go on that waits for its reservation.
        """
        if isinstance(error, Refused):
            if not error.of_one_prompt:
                self.running.stop(refusal(self.api, self.teacher, error))
            return
        if error.overload:
            self._pace.slow_down(started, error.retry_after)
        if too_long(error, self.runtime):
            self._wait_too_long(str(error), error.retry_after)
        self._obey(error.headers)

    def _obey(self, headers: Mapping[str, str]) -> None:
        """Pause until a used-up rate limit is reset; sending before would not be obeying."""
        if (wait := self._pace.obey(headers)) > self.runtime.max_wait_s:
            self._wait_too_long("a rate limit is used up", round(wait))

    def _wait_too_long(self, why: str, seconds: float | None) -> None:
        self.running.stop(TeacherError(f"{self.api.server}: {why}; it asks to wait {seconds} s, longer than "
                                       "runtime.max_wait_s; run again later"))  # fmt: skip

    async def _pay(self, ask: Ask, worst: Decimal) -> Answer:
        """Write the call down, send it, keep its response, parse it."""
        call = Call(self.ledger.next_id(), ask.key, self.teacher.model, self.api.server, "online",
                    ask.max_tokens, worst)  # fmt: skip
        self.ledger.record_sent(call)
        try:
            reply = await self.api.create(wire(ask.body, self.teacher))
        except (Refused, Transient) as error:
            self.ledger.record_ended(call.id, "lost" if error.uncertain else "failed", str(error))
            raise
        # Nothing is awaited between the response and this.
        self.ledger.record_received(call.id, reply.body)
        self._obey(reply.headers)
        await self.ledger.on_disk()
        return self._read(call, reply)

    def _read(self, call: Call, reply: Reply) -> Answer:
        answer = self.ledger.record_parsed(call.id, reply.body, call.via)
        if answer is not None:
            return answer
        if is_message(reply.body):
            raise _Garbled("the message that came is not an answer (see `python -m distill.ledger`)")
        raise Transient("the response is not an answer of the Messages API", uncertain=True)


class Wait:
    """How long to wait before the next attempt: what the server asked for, else ever longer, with jitter."""

    def __init__(self, runtime: RuntimeParams) -> None:
        self._longest = runtime.max_wait_s
        first = runtime.retry_wait_s
        self._jitter = first
        self._growing = wait_exponential_jitter(multiplier=first, max=runtime.max_wait_s, jitter=first)

    def __call__(self, state: RetryCallState) -> float:
        """Return seconds; tenacity's interface."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, Transient) else None
        if asked is None:
            return min(self._growing(state), self._longest)
        # Not before the time that was asked for, and not all at once when it has come.
        return min(asked, self._longest) + random.uniform(0, self._jitter)  # noqa: S311 (no secret)


def too_long(error: BaseException, runtime: RuntimeParams) -> bool:
    """Whether the server asks for a longer wait than a run is to last; asking it sooner would not be obeying."""
    return isinstance(error, Transient) and error.retry_after is not None and error.retry_after > runtime.max_wait_s


def refusal(api: Api, teacher: ApiTeacher, error: Refused) -> TeacherError:
    """One line for a refusal that every other prompt would meet as well."""
    cure = CURES.get(error.status, "mend that").format(
        key_env=teacher.key_env or "the environment", model=teacher.model
    )
    return TeacherError(f"{api.server}: {error}; {cure} and run the same command again")


def unwritable(ledger: Ledger, error: sqlite3.Error) -> TeacherError:
    """One line for a ledger that does not take what is to be written."""
    return TeacherError(f"{ledger.path}: the ledger cannot be written ({error}); free some space and run the "
                        "same command again")  # fmt: skip
