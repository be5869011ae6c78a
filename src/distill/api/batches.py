"""Asking for the missing answers by the batch, at half the price: the Message Batches API.

A batch is written to the ledger before it is created (`intent`), with a nonce that is in the custom id of each of its
requests. A creation that was not confirmed is looked for in the API's list of batches before it is made again, and
what is found is checked by the nonce. So a run that is killed at any point goes on where it was. What expired or
failed for a passing reason is asked for again. What it will not do: wait less for a batch that may be somebody else's.
"""

import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from distill.api.batch_results import NOTHING, Foreign, Results, custom_id
from distill.api.budget import Budget
from distill.api.client import Api, Refused, Reply, Transient
from distill.api.ledger.ledger import Ledger
from distill.api.ledger.schema import Call
from distill.api.online import Wait, refusal, too_long, unwritable
from distill.api.pricing import Price
from distill.api.profiles import ApiTeacher, RuntimeParams
from distill.api.request import Ask, split, wire
from distill.api.response import Unreadable, load
from distill.api.stop import Running, Stopped
from distill.common.errors import DistillError, TeacherError
from distill.common.jsonl import Row

T = TypeVar("T")
# How far the server's clock may be behind this one's.
SKEW_S = 600
# Besides those from 500 on, refusals that do not say that no batch was made (0: not even a status came).
MAYBE_CREATED = frozenset({0, 408, 409})


@dataclass
class BatchCollector:
    """One collection by batches."""

    api: Api
    teacher: ApiTeacher
    runtime: RuntimeParams
    price: Price
    ledger: Ledger
    budget: Budget
    running: Running
    progress: Callable[[], object]
    _unaffordable: bool = False
    _answers: int = 0
    _fruitless: int = 0

    async def run(self, missing: Callable[[], Iterable[Ask]], create: bool = True) -> None:
        """Collect what is under way, then create batches for what is missing, until nothing is."""
        try:
            await self._collect(missing)
            while create and not self.running.stopping and await self._submit(missing()):
                answers = self._answers
                await self._collect(missing)
                self._check_fruit(self._answers > answers)
        except Refused as error:
            self.running.stop(refusal(self.api, self.teacher, error))
        except (Transient, Unreadable) as error:
            self.running.stop(TeacherError(f"{self.api.server}: {error}; run the same command again to go on"))
        except sqlite3.Error as error:
            self.running.stop(unwritable(self.ledger, error))
        except DistillError as error:
            self.running.stop(error)

    def _check_fruit(self, fruitful: bool) -> None:
        self._fruitless = 0 if fruitful else self._fruitless + 1
        if self._fruitless >= self.runtime.max_attempts and not self.running.stopping:
            raise TeacherError(f"{self.api.server}: no answer from {self._fruitless} rounds of batches (see "
                               "`python -m distill.ledger`); run the same command again to go on")  # fmt: skip

    async def _collect(self, missing: Callable[[], Iterable[Ask]]) -> None:
        """Take over the results of this server's open batches; wait for those that hold something that is missing."""
        wanted = {ask.key for ask in missing()} if self.ledger.open_batches() else set()
        self._check_elsewhere(wanted)
        while not self.running.stopping and (batches := self._open()):
            ended_one = False
            for batch in batches:
                ended_one |= await self._advance(batch)
            if not any(wanted & self.ledger.batch_calls(batch["id"]).keys() for batch in self._open()):
                return
            if not ended_one:
                await self.running.sleep(self.runtime.poll_interval_s)

    def _check_elsewhere(self, wanted: set[str]) -> None:
        """Refuse to pay for what is under way at another address: a key does not tell ways to one API apart."""
        for batch in self.ledger.open_batches():
            if batch["server"] != self.api.server and wanted & self.ledger.batch_calls(batch["id"]).keys():
                name = batch["remote"] or batch["id"]
                raise TeacherError(f"{self.api.server}: answers that are missing are in the batch {name} at "
                                   f"{batch['server']}; set ANTHROPIC_BASE_URL back to that address, or give the batch "
                                   f"up with `python -m distill.ledger abandon {name}`")  # fmt: skip

    def _open(self) -> list[Row]:
        return [batch for batch in self.ledger.open_batches() if batch["server"] == self.api.server]

    async def _submit(self, asks: Iterable[Ask]) -> int:
        """Create batches for `asks`, as far as the budget goes; return how many."""
        created = 0
        wanted = (ask for ask in asks if ask.key not in self.running.outcome.problems)
        for chunk in split(wanted, self._reserve, self.runtime.batch_max_requests, self.runtime.batch_max_bytes):
            self.ledger.check_room()
            await self._create(self._intend(chunk))
            created += 1
            if self.running.stopping:
                return created
        if not created and self._unaffordable:
            self.running.over_budget()
        return created

    def _reserve(self, ask: Ask) -> bool:
        worst = self.price.worst(ask, batch=True)
        self._unaffordable = not self.budget.fits(worst)
        if not self._unaffordable:
            self.budget.take(worst)
        return not self._unaffordable

    def _intend(self, asks: list[Ask]) -> Row:
        """Write down that a batch is about to be created, and every call in it."""
        batch: Row = {"id": self.ledger.next_batch(), "nonce": secrets.token_hex(8), "remote": None, "state": "intent",
                      "server": self.api.server, "created": time.time(), "requests": len(asks)}  # fmt: skip
        self.ledger.add_batch(batch, (self._call(ask, batch) for ask in asks))
        return batch | {"asks": asks}

    def _call(self, ask: Ask, batch: Row) -> Call:
        return Call(self.ledger.next_id(), ask.key, self.teacher.model, self.api.server, "batch", ask.max_tokens,
                    self.price.worst(ask, batch=True), batch["id"])  # fmt: skip

    async def _create(self, batch: Row) -> None:
        """Create a batch of whose creation it is known that it has not happened yet."""
        requests = [
            {"custom_id": custom_id(ask.key, batch["nonce"]), "params": wire(ask.body, self.teacher)}
            for ask in batch["asks"]
        ]
        try:
            reply: Reply = await self._retrying(_not_created)(self._try_to_create, batch, requests)
            self.ledger.record_created(batch["id"], str(load(reply.body)["id"]))
        except (Unreadable, KeyError):
            await self._adopt(batch, time.time())  # it exists, but its name did not come through
        except Stopped:
            await self._give_up(batch, "absent", "failed", "the run was stopped before it was sent")
        except (Refused, Transient) as error:
            if _perhaps_created(error):
                absent = await self._adopt(batch, time.time(), f"; {error}")
                if not (absent and isinstance(error, Refused)):
                    return
                raise  # trying again is of no use
            await self._give_up(batch, "absent", "failed", str(error))
            raise

    async def _try_to_create(self, batch: Row, requests: list[Row]) -> Reply:
        """Create a batch; when it was tried last is on disk before that, as `_adopt` counts from there."""
        self.running.check()  # it may have been stopped in the wait before this try
        batch["created"] = time.time()
        self.ledger.record_try(batch["id"], batch["created"])
        return await self.api.create_batch(requests)

    async def _give_up(self, batch: Row, state: str, call_state: str, reason: str) -> None:
        """Close a batch; what is still open in it may be asked for again."""
        for worst in self.ledger.close_batch(batch["id"], state, call_state, reason):
            await self.budget.settle(worst, worst if call_state == "lost" else NOTHING)

    async def _advance(self, batch: Row) -> bool:
        """Go on with an open batch; return whether it is finished."""
        if batch["state"] == "intent":
            return await self._adopt(batch)
        remote = batch["remote"]
        try:
            status = await self._patiently(self._look, self.api.retrieve_batch, remote, "processing_status")
        except Refused as error:
            raise TeacherError(f"{self.api.server}: the batch {remote}: {error}; set the key of its workspace, or give "
                               f"it up with `python -m distill.ledger abandon {remote}`") from None  # fmt: skip
        if status.get("processing_status") != "ended":
            return False
        return await self._take_results(batch, status)

    async def _adopt(self, batch: Row, failed: float | None = None, why: str = "") -> bool:
        """Find a batch whose creation was not confirmed in the API's list, or find that it was never created.

        `failed`: when the last try ended; of one of a run that was killed, only when it must have ended is known.
        """
        # What was sent a moment ago may not be listed yet, and a server can take long over a request.
        last = failed or min(time.time(), batch["created"] + self.runtime.timeout_s)
        while (wait := last + self.runtime.adopt_wait_s - time.time()) > 0 and not self.running.stopping:
            await self.running.sleep(min(wait, self.runtime.adopt_wait_s))
        if self.running.stopping:
            return False
        known = self.ledger.known_batches()
        async for listed in self._listed(batch["created"] - SKEW_S):
            if listed["id"] not in known and _size(listed) == batch["requests"]:
                self.ledger.record_created(batch["id"], listed["id"])
                return False
        await self._give_up(batch, "absent", "failed", f"the batch was never created{why}")
        return True

    async def _listed(self, since: float) -> AsyncIterator[Row]:
        """Yield the API's batches, the newest first, as far back as `since`."""
        after: str | None = None
        while True:
            page = await self._patiently(self._look, self.api.list_batches, after, "data")
            for listed in page["data"]:
                if datetime.fromisoformat(listed["created_at"]).timestamp() < since:
                    return
                yield listed
            if not page.get("has_more") or not page["data"]:
                return
            after = page["last_id"]

    async def _take_results(self, batch: Row, status: Row) -> bool:
        """Copy an ended batch's results into the ledger, reading a stream that breaks off once more."""
        if not status.get("results_url"):
            remote = batch["remote"]
            raise TeacherError(f"{self.api.server}: the results of the batch {remote} are gone; give it up with "
                               f"`python -m distill.ledger abandon {remote}`")  # fmt: skip
        results = Results(self.api, self.ledger, self.budget, self.price, batch, self.running.outcome.problems,
                          self.progress)  # fmt: skip
        try:
            await self._patiently(results.take, _size(status))
            self._answers += results.answers
        except Foreign:
            self.ledger.disown_batch(batch)  # never look at it again, and go on looking
            return False
        # What the stream did not tell of (it cannot be, but it would be paid for) is not asked for again unnoticed.
        await self._give_up(batch, "ended", "lost", "not in the batch's results")
        return True

    async def _look(self, call: Callable[[Any], Awaitable[Reply]], argument: Any, needed: str) -> Row:
        """Return the object that a call which only looks gives, with the key that is `needed`."""
        found = load((await call(argument)).body)
        if needed not in found:
            raise Unreadable(f"no '{needed}' in the response")
        return found

    async def _patiently(self, call: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Make a call that is not billed, again and again while it fails for a passing reason."""
        result: T = await self._retrying(_passing)(call, *arguments)
        return result

    def _retrying(self, wanted: Callable[[BaseException], bool]) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception(
                lambda error: wanted(error) and not self.running.stopping and not too_long(error, self.runtime)
            ),
            stop=stop_after_attempt(self.runtime.max_attempts), wait=Wait(self.runtime), sleep=self.running.sleep,
            reraise=True,
        )  # fmt: skip


def _passing(error: BaseException) -> bool:
    return isinstance(error, Transient | Unreadable)


def _not_created(error: BaseException) -> bool:
    """Whether it is certain that no batch came of a creation that failed, and another try may do better."""
    return isinstance(error, Transient) and (error.overload or (not error.uncertain and not error.status))


def _perhaps_created(error: Refused | Transient) -> bool:
    """Whether a batch may have come of a creation that failed; a server's `x-should-retry: false` does not say."""
    if isinstance(error, Refused):
        return error.status in MAYBE_CREATED or error.status >= 500
    return not _not_created(error)


def _size(status: Row) -> int:
    counts = status.get("request_counts")
    return sum(count for count in counts.values() if isinstance(count, int)) if isinstance(counts, dict) else 0
