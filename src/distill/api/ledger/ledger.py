"""The ledger: every call of the API that was sent, and every answer that was paid for, in one SQLite file.

A call's row is written before it is sent. Its states: `sent`; then `received` (the raw response is recorded, but not
parsed yet), then `paid` (an answer) or `unreadable` (billed, but not an answer); or `failed` (refused, not billed) or
`lost` (no response: it may have been billed). Only `paid` rows are served as answers. Rows that this ledger did not pay
for have another `source`: `hydrated` (from committed data), `stub` (usage of a superseded answer, without its text) or
`imported`. No row is ever deleted.
"""

import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from distill.api.ledger.schema import BATCH_COLUMNS, COLUMNS
from distill.api.ledger.store import Store
from distill.api.pricing import FREE, Price
from distill.api.response import COUNTS, Answer, Usage, parse
from distill.common.jsonl import Row
from distill.shared.seen import Seen

PAID = (f"SELECT source, via, crc, response, stop_reason, model, {', '.join(COUNTS)} "  # noqa: S608 (constants)
        "FROM calls WHERE key = ? AND state = 'paid' ORDER BY source = 'stub', id")  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """A paid answer; a `stub` has usage and stop reason, but no text."""

    answer: Answer
    stub: bool


class Ledger(Store):
    """An open ledger: answers, and what they cost."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._damaged: set[str] = set()

    def add(self, rows: Iterable[Row]) -> int:
        """Add those answers from elsewhere that this ledger lacks, rows with (some of) COLUMNS; return how many.

        A stub does not count as having the answer.
        """
        return self.insert(self._lacking(rows))

    def _lacking(self, rows: Iterable[Row]) -> Iterator[Row]:
        seen = Seen()  # prompts with the same text share a call
        for row in rows:
            stored = self.find(row["key"])
            lacks = stored is None or (stored.stub and row["source"] != "stub")
            if lacks and seen.add(f"{row['source']} {row['key']}"):
                yield row

    def find(self, key: str) -> Stored | None:
        """Return the paid answer under `key`, or None: the first one, or the first stub where there are only stubs."""
        for source, via, crc, response, stop_reason, model, *counts in self._connection.execute(PAID, (key,)):
            batch = via == "batch"
            if source == "stub":
                return Stored(Answer("", model, stop_reason, Usage.of(counts, batch)), True)
            if zlib.crc32(response) == crc:
                return Stored(parse(response, batch), False)
            self._report_damage(key)
        return None

    def _report_damage(self, key: str) -> None:
        if key not in self._damaged:
            self._damaged.add(key)
            print(f"{self.path}: the answer under the key {key[:12]}… is damaged and not used (its checksum does not "
                  "match); unless there is a copy, it is paid for again", file=sys.stderr)  # fmt: skip

    def spent(self, prices: dict[str, Price]) -> tuple[Decimal, Decimal]:
        """Return the dollars that this ledger's own calls cost, and the dollars reserved for calls under way.

        A call of unknown outcome counts at its worst case: it may have been billed.
        """
        cost = sum((prices.get(model, FREE).cost(usage) for _, model, _, usage in self.totals("call")), Decimal(0))
        return cost + self._worst("'lost', 'unreadable'"), self._worst("'sent', 'received'")

    def _worst(self, states: str) -> Decimal:
        rows = self._connection.execute(f"SELECT worst_usd FROM calls WHERE source = 'call' AND state IN ({states})")  # noqa: S608
        return sum((Decimal(worst) for (worst,) in rows), Decimal(0))

    def totals(self, source: str | None = None) -> Iterator[tuple[str, str, int, Usage]]:
        """Yield day, model, number and usage of paid calls, by day, by model, and by online or batch."""
        sums = ", ".join(f"sum({name})" for name in COUNTS)
        for day, model, via, calls, *counts in self._connection.execute(
            f"SELECT day, model, via, count(*), {sums} FROM calls WHERE state = 'paid' "  # noqa: S608 (constants)
            "AND (?1 IS NULL OR source = ?1) GROUP BY day, model, via ORDER BY day, model, via", (source,),
        ):  # fmt: skip
            yield day, model, calls, Usage.of(counts, via == "batch")

    def states(self) -> dict[str, int]:
        """Return how many calls there are in each state."""
        return dict(self._connection.execute("SELECT state, count(*) FROM calls GROUP BY state ORDER BY state"))

    def errors(self) -> list[tuple[str, str, int]]:
        """Return state, error and number of the calls without an answer, the most frequent first."""
        return self._connection.execute(
            "SELECT state, coalesce(error, ''), count(*) FROM calls WHERE state != 'paid' GROUP BY 1, 2 ORDER BY 3 DESC"
        ).fetchall()

    def mean_output(self, model: str, max_tokens: int) -> float | None:
        """Return the mean number of tokens of `model`'s answers under that cap, or None if there are none.

        Committed answers count whatever their cap, which is not recorded.
        """
        mean: float | None = self._connection.execute(
            "SELECT avg(output_tokens) FROM calls WHERE state = 'paid' AND model = ? "
            "AND (max_tokens = ? OR source = 'hydrated')", (model, max_tokens),
        ).fetchone()[0]  # fmt: skip
        return mean

    def rows(self) -> Iterator[Row]:
        """Yield every call as a JSON object; bytes that are not UTF-8 become lone surrogates."""
        for values in self._connection.execute(f"SELECT {', '.join(COLUMNS)} FROM calls ORDER BY id"):  # noqa: S608
            row = dict(zip(COLUMNS, values, strict=True))
            if row["response"] is not None:
                row["response"] = row["response"].decode("utf-8", "surrogateescape")
            yield row

    def open_batches(self) -> list[Row]:
        """Return the batches that have not been collected yet, oldest first."""
        names = ("id", *BATCH_COLUMNS)
        sql = f"SELECT {', '.join(names)} FROM batches WHERE state IN ('intent', 'created') ORDER BY id"  # noqa: S608
        return [dict(zip(names, row, strict=True)) for row in self._connection.execute(sql)]

    def known_batches(self) -> set[str]:
        """Return the API's ids of this ledger's batches."""
        return {remote for (remote,) in self._connection.execute("SELECT remote FROM batches WHERE remote IS NOT NULL")}
