"""The results of an ended batch, streamed into the ledger: raw lines first, then the parsed answers.

A stream that breaks off does not count as complete, and results of somebody else's batch are not accepted.
"""

from dataclasses import dataclass
from decimal import Decimal

from distill.api.client import Transient
from distill.api.response import Unreadable, load
from distill.api.session import Session
from distill.common.jsonl import Row

PASSING = frozenset({"rate_limit_error", "timeout_error", "api_error", "overloaded_error"})
NOTHING = Decimal(0)
CHUNK = 100  # results that are recorded in one transaction
Result = tuple[Row, bytes]
"""The envelope of a result, and the raw line."""


class Foreign(Exception):
    """The batch was created by somebody else."""


@dataclass
class Results:
    """Records one batch's results; a request that must not be made again becomes a problem of the run."""

    session: Session
    batch: Row
    answers: int = 0

    async def take(self, total: int) -> None:
        """Read the stream of `total` results; those that the ledger has already are skipped.

        Raises:
            Foreign: These are not the results of this ledger's batch.
            Transient: The stream broke off, or a line in it is malformed.
        """
        self._open = {
            custom_id(key, self.batch["nonce"]): (key, *rest)
            for key, rest in self.session.ledger.batch_calls(self.batch["id"]).items()
        }
        count = 0
        chunk: list[Result] = []
        try:
            async for line in self.session.api.batch_results(self.batch["remote"]):
                if line.strip():
                    chunk.append((self._envelope(line), line))
                    count += 1
                if len(chunk) == CHUNK:
                    await self._record(chunk)
                    chunk = []
        finally:  # however the stream ended, what it brought is kept
            await self._record(chunk)
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

    async def _record(self, chunk: list[Result]) -> None:
        """Record the results that the ledger lacks: raw lines are on disk before they are parsed."""
        results = [
            (*self._open.pop(envelope["custom_id"]), envelope["result"], line)
            for envelope, line in chunk
            if envelope["custom_id"] in self._open
        ]
        with self.session.ledger.together():
            for key, call, _, result, line in results:
                if result["type"] == "succeeded":
                    self.session.ledger.record_received(call, line)
                else:
                    self.session.ledger.record_ended(call, "failed", self._reason(key, result))
        await self.session.ledger.on_disk()
        with self.session.ledger.together():
            costs = [
                (worst, self._parse(call, line, worst) if result["type"] == "succeeded" else NOTHING)
                for _, call, worst, result, line in results
            ]
        for worst, cost in costs:
            await self.session.budget.settle(worst, cost)

    def _parse(self, call: int, line: bytes, worst: Decimal) -> Decimal:
        """Parse a recorded result; return what it cost."""
        answer = self.session.ledger.record_parsed(call, line, "batch")
        if answer is None:
            return worst
        self.answers += 1
        if answer.stop_reason != "max_tokens":  # a truncated answer is asked for again
            self.session.progress()
        return self.session.price.cost(answer.usage)

    def _reason(self, key: str, result: Row) -> str:
        """Return why there is no answer (which is then not billed); only an invalid request is not made again."""
        if result["type"] != "errored":
            return str(result["type"])
        error = (result.get("error") or {}).get("error") or {}
        # Like anything a server says, it may echo the key.
        reason = self.session.api.clean(f"{error.get('type')}: {error.get('message')}")
        if error.get("type") not in PASSING:
            self.session.running.outcome.problems[key] = reason
        return reason


def custom_id(key: str, nonce: str) -> str:
    """Return the name of a request within a batch: at most 64 characters, unique, and traceable to its batch."""
    return f"{key[:40]}-{nonce}"
