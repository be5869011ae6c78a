"""Asking for the missing answers in batches, at half the price: the Message Batches API.

Before a batch is created, it is written to the ledger, with a nonce that is part of the custom id of each request. So
after a kill at any point, the next run continues from there (`batch_adoption`). Requests that expired or failed for a
transient reason are made again.
"""

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable

from distill.api.batch_adoption import adopt, close, perhaps_created, size, surely_not_created
from distill.api.batch_results import Foreign, Results, custom_id
from distill.api.client import Refused, Reply, Transient
from distill.api.ledger.schema import Call
from distill.api.request import Request, chunks, wire
from distill.api.response import Unreadable, load
from distill.api.retry import look, patiently, refusal, retrying, unwritable
from distill.api.session import Session
from distill.api.stop import Stopped
from distill.common.errors import DistillError, TeacherError
from distill.common.jsonl import Row


class BatchCollector:
    """One collection in batches."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ledger, self._running, self._runtime = session.ledger, session.running, session.runtime
        self._server = session.api.server
        self._unaffordable = False
        self._answers = 0
        self._fruitless = 0

    async def run(self, missing: Callable[[], Iterable[Request]], create: bool = True) -> None:
        """Collect the open batches, then create batches for missing answers until none is missing."""
        try:
            await self._collect({request.key for request in missing()} if self._ledger.open_batches() else set())
            while create and not self._running.stopping and (submitted := await self._submit(missing())):
                answers = self._answers
                await self._collect(submitted)
                self._check_fruit(self._answers > answers)
        except Refused as error:
            self._running.stop(refusal(self._session.api, self._session.teacher, error))
        except (Transient, Unreadable) as error:
            self._running.stop(TeacherError(f"{self._server}: {error}; run the same command again to continue"))
        except sqlite3.Error as error:
            self._running.stop(unwritable(self._ledger, error))
        except DistillError as error:
            self._running.stop(error)

    def _check_fruit(self, fruitful: bool) -> None:
        self._fruitless = 0 if fruitful else self._fruitless + 1
        if self._fruitless >= self._runtime.max_attempts and not self._running.stopping:
            raise TeacherError(f"{self._server}: no answer from {self._fruitless} rounds of batches (see "
                               "`python -m distill.ledger`); run the same command again to continue")  # fmt: skip

    async def _collect(self, wanted: set[str]) -> None:
        """Record the results of this server's open batches; wait for batches that hold a wanted call."""
        self._check_elsewhere(wanted)
        while not self._running.stopping and (batches := self._open()):
            ended_one = False
            for batch in batches:
                ended_one |= await self._advance(batch)
            if not any(wanted & self._ledger.batch_calls(batch["id"]).keys() for batch in self._open()):
                return
            if not ended_one:
                await self._running.sleep(self._runtime.poll_interval_s)

    def _check_elsewhere(self, wanted: set[str]) -> None:
        """Refuse to pay for answers that a batch at another address holds: a key does not depend on the address."""
        for batch in self._ledger.open_batches():
            if batch["server"] != self._server and wanted & self._ledger.batch_calls(batch["id"]).keys():
                name = batch["remote"] or batch["id"]
                raise TeacherError(f"{self._server}: answers that are missing are in the batch {name} at "
                                   f"{batch['server']}; set ANTHROPIC_BASE_URL back to that address, or give the batch "
                                   f"up with `python -m distill.ledger abandon {name}`")  # fmt: skip

    def _open(self) -> list[Row]:
        return [batch for batch in self._ledger.open_batches() if batch["server"] == self._server]

    async def _submit(self, requests: Iterable[Request]) -> set[str]:
        """Create batches for `requests`, as far as the budget allows; return the keys of their calls."""
        submitted: set[str] = set()
        wanted = (request for request in requests if request.key not in self._running.outcome.problems)
        for chunk in chunks(wanted, self._reserve, self._runtime.batch_max_requests, self._runtime.batch_max_bytes):
            self._ledger.check_room()
            await self._create(self._intend(chunk), chunk)
            submitted |= {request.key for request in chunk}
            if self._running.stopping:
                return submitted
        if not submitted and self._unaffordable:
            self._running.over_budget()
        return submitted

    def _reserve(self, request: Request) -> bool:
        worst = self._session.price.worst(request, batch=True)
        self._unaffordable = not self._session.budget.fits(worst)
        if not self._unaffordable:
            self._session.budget.take(worst)
        return not self._unaffordable

    def _intend(self, requests: list[Request]) -> Row:
        """Record that a batch is about to be created, with every call in it."""
        batch: Row = {"id": self._ledger.next_batch(), "nonce": secrets.token_hex(8), "remote": None, "state": "intent",
                      "server": self._server, "created": time.time(), "requests": len(requests)}  # fmt: skip
        self._ledger.add_batch(batch, (self._call(request, batch) for request in requests))
        return batch

    def _call(self, request: Request, batch: Row) -> Call:
        worst = self._session.price.worst(request, batch=True)
        return Call(self._ledger.next_id(), request.key, self._session.teacher.model, self._server, "batch",
                    request.max_tokens, worst, batch["id"])  # fmt: skip

    async def _create(self, batch: Row, requests: list[Request]) -> None:
        """Create a batch that certainly does not exist yet."""
        named = [
            {"custom_id": custom_id(request.key, batch["nonce"]), "params": wire(request.body, self._session.teacher)}
            for request in requests
        ]
        try:
            reply: Reply = await retrying(self._session, surely_not_created)(self._try_to_create, batch, named)
            self._ledger.record_created(batch["id"], str(load(reply.body)["id"]))
        except (Unreadable, KeyError):
            await adopt(self._session, batch, time.time())  # it exists, but the response does not name it
        except Stopped:
            await close(self._session, batch, "absent", "the run was stopped before it was sent")
        except (Refused, Transient) as error:
            if perhaps_created(error):
                absent = await adopt(self._session, batch, time.time(), f"; {error}")
                if not (absent and isinstance(error, Refused)):
                    return
                raise  # another try would be refused as well
            await close(self._session, batch, "absent", str(error))
            raise

    async def _try_to_create(self, batch: Row, named: list[Row]) -> Reply:
        """Create a batch, after recording the time of this try, from which `adopt` counts."""
        self._running.check()  # the run may have been stopped during the wait before this try
        batch["created"] = time.time()
        self._ledger.record_try(batch["id"], batch["created"])
        return await self._session.api.create_batch(named)

    async def _advance(self, batch: Row) -> bool:
        """Take an open batch a step further; return whether it is finished."""
        if batch["state"] == "intent":
            return await adopt(self._session, batch)
        remote = batch["remote"]
        try:
            status = await look(self._session, self._session.api.retrieve_batch, remote, "processing_status")
        except Refused as error:
            raise TeacherError(f"{self._server}: the batch {remote}: {error}; set the key of its workspace, or give "
                               f"it up with `python -m distill.ledger abandon {remote}`") from None  # fmt: skip
        if status.get("processing_status") != "ended":
            return False
        return await self._take_results(batch, status)

    async def _take_results(self, batch: Row, status: Row) -> bool:
        """Copy an ended batch's results into the ledger; a stream that breaks off is read again."""
        if not status.get("results_url"):
            remote = batch["remote"]
            raise TeacherError(f"{self._server}: the results of the batch {remote} are gone; give it up with "
                               f"`python -m distill.ledger abandon {remote}`")  # fmt: skip
        results = Results(self._session, batch)
        try:
            await patiently(self._session, results.take, size(status))
            self._answers += results.answers
        except Foreign:
            self._ledger.disown_batch(batch)  # ignore it from now on, and keep looking
            return False
        # Every request should have a result. One without may have been billed, so it counts as lost.
        await close(self._session, batch, "ended", "not in the batch's results")
        return True
