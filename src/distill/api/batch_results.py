"""The results of an ended batch, streamed into the ledger: raw lines first, then what they say.

What it will not do: take a stream that broke off, or lines of somebody else's batch, for all there is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from distill.api.budget import Budget
from distill.api.client import Api, Transient
from distill.api.ledger.ledger import Ledger
from distill.api.pricing import Price
from distill.api.response import Unreadable, load
from distill.common.jsonl import Row

PASSING = frozenset({"rate_limit_error", "timeout_error", "api_error", "overloaded_error"})
NOTHING = Decimal(0)


class Foreign(Exception):
    """The batch was created by somebody else."""


@dataclass
class Results:
    """The taking over of one batch's results; `refused` gets the reason by key of what must not be asked again."""

    api: Api
    ledger: Ledger
    budget: Budget
    price: Price
    batch: Row
    refused: dict[str, str]
    progress: Callable[[], object]
    answers: int = 0

    async def take(self, total: int) -> None:
        """Read the stream of `total` results to its end; what is in the ledger already is passed over.

        Raises:
            Foreign: These are not the results of this ledger's batch.
            Transient: The stream broke off, or a line in it is malformed.
        """
        self._open = {
            custom_id(key, self.batch["nonce"]): (key, *rest)
            for key, rest in self.ledger.batch_calls(self.batch["id"]).items()
        }
        count = 0
        async for line in self.api.batch_results(self.batch["remote"]):
            if line.strip():
                await self._take(line, self._envelope(line))
                count += 1
        if count < total:
            raise Transient(f"{count} of the batch's {total} results came", uncertain=False)

    def _envelope(self, line: bytes) -> Row:
        try:
            envelope = load(line)
            _ = envelope["result"]["type"]
            own = str(envelope["custom_id"]).endswith(self.batch["nonce"])
        except (Unreadable, KeyError, TypeError):
            raise Transient("a line of the batch's results is cut off or malformed", uncertain=False) from None
        if not own:
            raise Foreign
        return envelope

    async def _take(self, line: bytes, envelope: Row) -> None:
        """Record one result, unless it is in the ledger already."""
        if envelope["custom_id"] not in self._open:
            return
        if envelope["result"]["type"] != "succeeded":
            await self._without_answer(envelope)
            return
        _, call, worst = self._open[envelope["custom_id"]]
        self.ledger.record_received(call, line)
        answer = self.ledger.record_parsed(call, line, "batch")
        await self.budget.settle(worst, self.price.cost(answer.usage) if answer else worst)
        self.answers += answer is not None
        # One that was cut off is asked for again.
        if answer and answer.stop_reason != "max_tokens":
            self.progress()

    async def _without_answer(self, envelope: Row) -> None:
        """`errored`, `expired` and `canceled` are not billed; only an invalid request is not asked for again."""
        key, call, worst = self._open[envelope["custom_id"]]
        result = envelope["result"]
        reason = str(result["type"])
        if reason == "errored":
            error = (result.get("error") or {}).get("error") or {}
            # As in all that a server says: it may echo the key.
            reason = self.api.clean(f"{error.get('type')}: {error.get('message')}")
            if error.get("type") not in PASSING:
                self.refused[key] = reason
        self.ledger.record_ended(call, "failed", reason)
        await self.budget.settle(worst, NOTHING)


def custom_id(key: str, nonce: str) -> str:
    """Return the name of a request within a batch: at most 64 characters, unique, and traceable to its intent."""
    return f"{key[:40]}-{nonce}"
