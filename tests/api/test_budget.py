"""distill.api.budget: what is reserved and spent together never passes the limit."""

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.api.budget import Budget, Exhausted

CENTS = st.integers(0, 50).map(lambda cents: Decimal(cents) / 100)


def test_what_does_not_fit_is_refused() -> None:
    async def go() -> None:
        budget = Budget(Decimal(1), Decimal("0.6"))
        await budget.reserve(Decimal("0.4"))
        await budget.settle_call(Decimal("0.4"), Decimal("0.3"))
        assert budget.spent == Decimal("0.9")
        with pytest.raises(Exhausted):
            await budget.reserve(Decimal("0.11"))
        await budget.reserve(Decimal("0.10"))

    asyncio.run(go())


def test_a_reservation_waits_for_those_in_flight() -> None:
    async def go() -> None:
        budget = Budget(Decimal(1), Decimal(0))
        await budget.reserve(Decimal("0.9"))
        waiting = asyncio.create_task(budget.reserve(Decimal("0.5")))
        await asyncio.sleep(0)
        assert not waiting.done()
        await budget.settle_call(Decimal("0.9"), Decimal("0.2"))
        await waiting
        assert not budget.fits(Decimal("0.31"))
        assert budget.fits(Decimal("0.30"))

    asyncio.run(go())


def test_batches_of_an_earlier_run_are_reserved() -> None:
    budget = Budget(Decimal(1), Decimal("0.1"), Decimal("0.5"))
    assert budget.fits(Decimal("0.4"))
    assert not budget.fits(Decimal("0.41"))
    budget.take(Decimal("0.4"))
    assert not budget.fits(Decimal("0.01"))


def test_nobody_waits_for_an_open_batch() -> None:
    """It is not going to be settled while calls are made, so that a call that does not fit never will."""

    async def go() -> None:
        budget = Budget(Decimal(1), Decimal(0), Decimal("0.5"))
        budget.take(Decimal("0.1"))
        await budget.reserve(Decimal("0.3"))
        waiting = asyncio.create_task(budget.reserve(Decimal("0.3")))
        await asyncio.sleep(0)
        assert not waiting.done()
        await budget.settle_call(Decimal("0.3"), Decimal("0.2"))
        with pytest.raises(Exhausted):
            await asyncio.wait_for(waiting, 5)
        await budget.settle(Decimal("0.5"), Decimal("0.25"))
        await asyncio.wait_for(budget.reserve(Decimal("0.3")), 5)

    asyncio.run(go())


def test_no_limit() -> None:
    assert Budget(None, Decimal(10**9)).fits(Decimal(10**9))


def test_nothing_free_of_charge_is_refused() -> None:
    assert Budget(Decimal(0), Decimal(0)).fits(Decimal(0))


@given(limit=CENTS, calls=st.lists(st.tuples(CENTS, st.floats(0, 1)), max_size=30), at_once=st.integers(1, 8))
def test_never_passed(limit: Decimal, calls: list[tuple[Decimal, float]], at_once: int) -> None:
    async def go() -> None:
        budget = Budget(limit, Decimal(0))
        places = asyncio.Semaphore(at_once)
        most = Decimal(0)

        async def one(worst: Decimal, share: float) -> None:
            nonlocal most
            async with places:
                try:
                    await budget.reserve(worst)
                except Exhausted:
                    return
                most = max(most, budget.spent + budget._reserved)
                await asyncio.sleep(0)
                await budget.settle_call(worst, worst * Decimal(str(share)))

        await asyncio.gather(*(one(*call) for call in calls))
        assert most <= limit
        assert budget._reserved == 0

    asyncio.run(go())
