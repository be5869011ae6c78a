"""What follows a failed call: how long to wait before the next try, and the error that ends a run that has to stop."""

import random
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from distill.api.client import Api, Refused, Reply, Transient
from distill.api.ledger.ledger import Ledger
from distill.api.profiles import ApiTeacher, RuntimeParams
from distill.api.response import Unreadable, load
from distill.api.session import Session
from distill.common.errors import TeacherError
from distill.common.jsonl import Row

T = TypeVar("T")

FIXES = {
    401: "check the key in {key_env}",
    403: "the key in {key_env} may not use this model",
    404: "check the model '{model}' and the address",
}


class Wait:
    """How long to wait before the next attempt: as the server asks, else exponentially longer; with jitter."""

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
        # No call is early, and they do not all come at once.
        return min(asked, self._longest) + random.uniform(0, self._jitter)  # noqa: S311 (no secret)


def retrying(session: Session, wanted: Callable[[BaseException], bool]) -> AsyncRetrying:
    """Return a retrier that repeats a call as long as its error is `wanted` and the run is not stopped."""
    return AsyncRetrying(
        retry=retry_if_exception(
            lambda error: wanted(error) and not session.running.stopping and not too_long(error, session.runtime)
        ),
        stop=stop_after_attempt(session.runtime.max_attempts), wait=Wait(session.runtime),
        sleep=session.running.sleep, reraise=True,
    )  # fmt: skip


async def patiently(session: Session, call: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """Make a call that is not billed, and repeat it while it fails for a transient reason."""
    result: T = await retrying(session, lambda error: isinstance(error, Transient | Unreadable))(call, *arguments)
    return result


async def look(session: Session, call: Callable[[Any], Awaitable[Reply]], argument: Any, needed: str) -> Row:
    """Return the JSON object that a read-only call answers with; it must have the key `needed`."""

    async def once() -> Row:
        found = load((await call(argument)).body)
        if needed not in found:
            raise Unreadable(f"no '{needed}' in the response")
        return found

    return await patiently(session, once)


def too_long(error: BaseException, runtime: RuntimeParams) -> bool:
    """Whether the server asks for a longer wait than `max_wait_s`; calling earlier would ignore the server."""
    return isinstance(error, Transient) and error.retry_after is not None and error.retry_after > runtime.max_wait_s


def refusal(api: Api, teacher: ApiTeacher, error: Refused) -> TeacherError:
    """Return the error for a refusal that any other prompt would meet as well."""
    fix = FIXES.get(error.status, "fix that").format(key_env=teacher.key_env or "the environment", model=teacher.model)
    return TeacherError(f"{api.server}: {error}; {fix} and run the same command again")


def unwritable(ledger: Ledger, error: sqlite3.Error) -> TeacherError:
    """Return the error for a ledger that cannot be written."""
    return TeacherError(f"{ledger.path}: the ledger cannot be written ({error}); free some space and run the "
                        "same command again")  # fmt: skip
