"""distill.api.retry: how long to wait, and how a run ends that cannot go on."""

import pytest
from tenacity import AsyncRetrying, RetryCallState

from api_samples import teacher
from collecting import RUNTIME
from distill.api.client import Api, Refused, Transient
from distill.api.profiles import RuntimeParams
from distill.api.retry import Wait, refusal, too_long
from distill.common.config import parse


def runtime() -> RuntimeParams:
    return parse(RuntimeParams, RUNTIME | {"retry_wait_s": 1.0, "max_wait_s": 60.0}, "runtime")


def overloaded(seconds: int) -> Transient:
    return Transient("not now", uncertain=False, status=429, headers={"retry-after": str(seconds)})


def test_waits_that_a_server_asks_for_do_not_end_together() -> None:
    """Never before the time that was asked for, and up to runtime.retry_wait_s after it."""
    wait = Wait(runtime())
    state = RetryCallState(AsyncRetrying(), None, (), {})
    error = overloaded(7)
    state.set_exception((Transient, error, None))
    waits = {wait(state) for _ in range(50)}
    assert len(waits) > 40
    assert all(7.0 <= seconds <= 8.0 for seconds in waits)


def test_a_wait_that_is_longer_than_a_run_may_last() -> None:
    assert not too_long(overloaded(60), runtime())
    assert too_long(overloaded(61), runtime())
    assert not too_long(Transient("broken", uncertain=False, status=500), runtime())


@pytest.mark.parametrize(
    ("status", "fix"),
    [(401, "check the key in KEY"), (404, "check the model 'm' and the address"), (418, "fix that")],
)
def test_a_refusal_says_what_to_fix(monkeypatch: pytest.MonkeyPatch, status: int, fix: str) -> None:
    monkeypatch.setenv("KEY", "none")
    profile = teacher(base_url="http://localhost:1")
    said = str(refusal(Api(profile, 1.0), profile, Refused(status, "no")))
    assert said == f"http://localhost:1: no; {fix} and run the same command again"
