"""The states of a batch in the ledger, and how one whose creation was not confirmed is found again.

    state       what is known                                  what comes next
    intent      written down; perhaps sent, perhaps created    created (the API named it, or it is found in the API's
                                                               list), or absent (it is not there)
    created     the API's name of it                           ended (all results taken); abandoned (a person gave it
                                                               up); intent again (its results are somebody else's)
    foreign     a batch that was adopted by mistake            nothing: the name is not adopted again
    absent, ended, abandoned                                   nothing: what is still missing may be asked for again

The list does not show what is in a batch. One is adopted if it is new enough, has as many requests, and has not been
adopted yet; whether it is the right one is seen by the nonce in its results.
"""

import time
from collections.abc import AsyncIterator
from datetime import datetime

from distill.api.batch_results import NOTHING
from distill.api.client import Refused, Transient
from distill.api.retry import look
from distill.api.session import Session
from distill.common.jsonl import Row

# How far the server's clock may be behind this one's.
SKEW_S = 600
# Besides those from 500 on, refusals that do not say that no batch was made (0: not even a status came).
MAYBE_CREATED = frozenset({0, 408, 409})


async def adopt(session: Session, batch: Row, failed: float | None = None, why: str = "") -> bool:
    """Find a batch whose creation was not confirmed in the API's list (`created`), or that it is not there (`absent`).

    Args:
        session: The run.
        batch: In the state `intent`.
        failed: When the last try ended; unknown if a killed run made it, which then counts as long as it may have.
        why: What is known of the failure.

    Returns:
        Whether it is absent. If the run is stopped meanwhile, the batch stays as it is.
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
    """Note the end of a batch. What is still open in it may be asked for again, and was billed only if it `ended`."""
    call_state = "lost" if state == "ended" else "failed"
    for worst in session.ledger.close_batch(batch["id"], state, call_state, reason):
        await session.budget.settle(worst, worst if call_state == "lost" else NOTHING)


def surely_not_created(error: BaseException) -> bool:
    """Whether it is certain that no batch came of a creation that failed, and another try may do better."""
    return isinstance(error, Transient) and (error.overload or (not error.uncertain and not error.status))


def perhaps_created(error: Refused | Transient) -> bool:
    """Whether a batch may have come of a creation that failed; a server's `x-should-retry: false` does not say."""
    if isinstance(error, Refused):
        return error.status in MAYBE_CREATED or error.status >= 500
    return not surely_not_created(error)


def size(status: Row) -> int:
    """Return how many requests a batch has."""
    counts = status.get("request_counts")
    return sum(count for count in counts.values() if isinstance(count, int)) if isinstance(counts, dict) else 0


async def _wait_until_listed(session: Session, sent: float) -> None:
    """Wait: what was sent a moment ago may not be listed yet, and a server can take long over a request."""
    longest = session.runtime.adopt_wait_s
    while (wait := sent + longest - time.time()) > 0 and not session.running.stopping:
        await session.running.sleep(min(wait, longest))


async def _listed(session: Session, since: float) -> AsyncIterator[Row]:
    """Yield the API's batches, the newest first, as far back as `since`."""
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
