"""The states of a batch in the ledger, and how a batch whose creation was not confirmed is found again.

    state       what is known                                  what comes next
    intent      recorded; perhaps sent, perhaps created        created (the API named it, or it is found in the API's
                                                               list), or absent (it is not in the list)
    created     its name at the API                            ended (all results taken); abandoned (a person gave it
                                                               up); intent again (its results are somebody else's)
    foreign     a batch that was adopted by mistake            nothing: the name is not adopted again
    absent, ended, abandoned                                   nothing: what is still missing may be asked for again

The list does not show what is in a batch. A batch is adopted if it is new enough, has as many requests, and has not
been adopted yet; the nonce in its results shows whether it is the right one.
"""

import time
from collections.abc import AsyncIterator
from datetime import datetime

from distill.api.batch_results import NOTHING
from distill.api.client import Refused, Transient
from distill.api.retry import look
from distill.api.session import Session
from distill.common.jsonl import Row

# How far the server's clock may lag behind this machine's.
SKEW_S = 600
# Refusals below 500 after which a batch may exist all the same (0: there was no status).
MAYBE_CREATED = frozenset({0, 408, 409})


async def adopt(session: Session, batch: Row, failed: float | None = None, why: str = "") -> bool:
    """Look in the API's list for a batch whose creation was not confirmed: it is `created`, or `absent`.

    Args:
        session: The run.
        batch: In the state `intent`.
        failed: When the last try ended; None after a kill, when it may have lasted until its time-out.
        why: The reason for the failure, if known.

    Returns:
        Whether it is absent. If the run is stopped meanwhile, the batch keeps its state.
    """
    await _wait_until_listed(session, failed or min(time.time(), batch["created"] + session.runtime.timeout_s))
    if session.running.stopping:
        return False
    known = session.ledger.known_batches()
    async for listed in _listed(session, batch["created"] - SKEW_S):
        if listed["id"] not in known and size(listed) == batch["requests"]:
            session.ledger.record_created(batch["id"], listed["id"])
            return False
    await close(session, batch, "absent", f"the batch was never created{why}")
    return True


async def close(session: Session, batch: Row, state: str, reason: str) -> None:
    """Record the end of a batch. Calls still open in it may be made again; they were billed only if it `ended`."""
    call_state = "lost" if state == "ended" else "failed"
    for worst in session.ledger.close_batch(batch["id"], state, call_state, reason):
        await session.budget.settle(worst, worst if call_state == "lost" else NOTHING)


def surely_not_created(error: BaseException) -> bool:
    """Whether a failed creation certainly made no batch, and another try may succeed."""
    return isinstance(error, Transient) and (error.overload or (not error.uncertain and not error.status))


def perhaps_created(error: Refused | Transient) -> bool:
    """Whether a failed creation may have made a batch; a server's `x-should-retry: false` does not tell."""
    if isinstance(error, Refused):
        return error.status in MAYBE_CREATED or error.status >= 500
    return not surely_not_created(error)


def size(status: Row) -> int:
    """Return how many requests a batch has."""
    counts = status.get("request_counts")
    return sum(count for count in counts.values() if isinstance(count, int)) if isinstance(counts, dict) else 0


async def _wait_until_listed(session: Session, sent: float) -> None:
    """Wait until a batch from a moment ago must be listed; a server can take long to process a request."""
    longest = session.runtime.adopt_wait_s
    while (wait := sent + longest - time.time()) > 0 and not session.running.stopping:
        await session.running.sleep(min(wait, longest))


async def _listed(session: Session, since: float) -> AsyncIterator[Row]:
    """Yield the API's batches back to `since`, the newest first."""
    after: str | None = None
    while True:
        page = await look(session, session.api.list_batches, after, "data")
        for listed in page["data"]:
            if datetime.fromisoformat(listed["created_at"]).timestamp() < since:
                return
            yield listed
        if not page.get("has_more") or not page["data"]:
            return
        after = page["last_id"]
