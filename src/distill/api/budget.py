"""The budget: the worst case of a call is reserved before it is sent, so the bill cannot pass the limit."""

import asyncio
from decimal import Decimal


class Exhausted(Exception):
    """The next call does not fit into the budget, and no call in flight can still make room for it."""


class Budget:
    """What may still be spent, in dollars; `limit` None: no limit. `reserved`: for open batches of an earlier run."""

    def __init__(self, limit: Decimal | None, spent: Decimal, reserved: Decimal = Decimal(0)) -> None:
        self.limit = limit
        self.spent = spent
        self._reserved = reserved
        self._calls = 0
        self._changed = asyncio.Condition()

    async def reserve(self, worst: Decimal) -> None:
        """Set `worst` aside for a call; wait while calls in flight may turn out cheaper. Then call `settle_call`.

        Raises:
            Exhausted: It does not fit.
        """
        async with self._changed:
            while not self.fits(worst):
                # What is reserved for open batches is not released during these calls, so waiting for it is no use.
                if not self._calls:
                    raise Exhausted
                await self._changed.wait()
            self._calls += 1
            self._reserved += worst

    def fits(self, worst: Decimal) -> bool:
        """Whether `worst` can be set aside right now."""
        return self.limit is None or self.spent + self._reserved + worst <= self.limit

    def take(self, worst: Decimal) -> None:
        """Set `worst` aside for a batch's request, after `fits`."""
        self._reserved += worst

    async def settle(self, worst: Decimal, actual: Decimal) -> None:
        """Replace a reservation by what was paid: 0 after a refusal, the worst case if it is unknown."""
        async with self._changed:
            self._settle(worst, actual)

    async def settle_call(self, worst: Decimal, actual: Decimal) -> None:
        """Do the same for a reservation made by `reserve`."""
        async with self._changed:
            self._calls -= 1
            self._settle(worst, actual)

    def _settle(self, worst: Decimal, actual: Decimal) -> None:
        self._reserved -= worst
        self.spent += actual
        self._changed.notify_all()
