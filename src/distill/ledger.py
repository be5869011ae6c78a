"""The command line of the ledger, where every call and every paid answer is kept (`distill.api.ledger`).

python -m distill.ledger                   show calls, tokens and dollars by model and day, and failures
python -m distill.ledger export FILE       write everything to FILE, as JSON Lines
python -m distill.ledger import FILE       add the paid answers of such a file that this ledger lacks
python -m distill.ledger abandon BATCH     give up a batch: its answers may be paid for again
"""

import argparse
import json
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from distill.api.ledger.ledger import Ledger
from distill.api.ledger.opening import hold, location, readable
from distill.api.ledger.schema import COLUMNS, NUMBERS, TEXTS
from distill.api.pricing import FREE, all_prices
from distill.api.response import is_count, parse
from distill.common import cli
from distill.common.config import PARAMS
from distill.common.errors import InputError
from distill.common.jsonl import Row, atomic_writer, read_jsonl

STATES = {
    "failed": "refused or not sent, not billed",
    "lost": "no response came, perhaps billed",
    "unreadable": "billed, but not an answer",
    "sent": "under way",
    "received": "not parsed yet",
}


def main() -> None:
    """Command line: `python -m distill.ledger`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", type=Path, default=PARAMS, help="where the prices are (default: %(default)s)")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("show", help="show calls, tokens and dollars (the default)")
    for name in ("export", "import"):
        commands.add_parser(name, help=f"{name} JSON Lines").add_argument("file", type=Path)
    commands.add_parser("abandon", help="give up a batch: its answers may be paid for again").add_argument("batch")
    args = parser.parse_args()
    path = location()
    if args.command == "import":
        with hold(path) as ledger:
            print(f"{path}: {import_rows(ledger, args.file)} answers imported")
    elif args.command == "abandon":
        with hold(path) as ledger:
            print(f"{path}: {abandon(ledger, args.batch)} calls given up")
    else:
        _read(path, args.params, args.file if args.command == "export" else None)


def _read(path: Path, params: Path, target: Path | None) -> None:
    if not path.exists():
        raise InputError(f"{path}: there is no ledger yet; collect answers, or set DISTILL_LEDGER to its place")
    with readable(path):
        ledger = Ledger(path)
        if target is None:
            print("\n".join(show(ledger, params)))
        else:
            print(f"{target}: {export_rows(ledger, target)} calls")
        ledger.close()


def show(ledger: Ledger, params: Path) -> Iterator[str]:
    """Yield the lines of the overview."""
    prices = all_prices(params)
    layout = "{:<10}  {:<28}  {:<9}  {:>7}  {:>12}  {:>12}  {:>12}"
    yield str(ledger.path)
    yield layout.format("day", "model", "way", "answers", "tokens in", "tokens out", "dollars")
    total = Decimal(0)
    for day, model, answers, usage in ledger.totals():
        cost = prices.get(model, FREE).cost(usage)
        total += cost
        tokens_in = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
        way = "batch" if usage.batch else "online"
        dollars = f"{cost:.4f}" if model in prices else "no price"
        yield layout.format(day, model, way, answers, tokens_in, usage.output_tokens, dollars)
    yield f"total: ${total:.4f}; this includes answers of other ledgers (committed or imported)"
    spent, reserved = ledger.spent(prices)
    yield f"against the budget: ${spent:.4f} (calls of unknown outcome at their worst), and ${reserved:.4f} under way"
    for state, error, calls in ledger.errors():
        yield f"{calls:>7} {state} ({STATES.get(state, state)}): {error or 'no reason yet'}"


def export_rows(ledger: Ledger, target: Path) -> int:
    """Write every call to `target`; return how many there are."""
    count = 0
    with atomic_writer(target) as file:
        for row in ledger.rows():
            # ASCII only: a raw response may have bytes that are not UTF-8, kept as lone surrogates.
            file.write(json.dumps(row) + "\n")
            count += 1
    return count


def import_rows(ledger: Ledger, source: Path) -> int:
    """Add the paid answers of an exported file that `ledger` lacks; return how many."""
    rows = enumerate(read_jsonl(source, COLUMNS), start=1)
    return ledger.add(_checked(row, f"{source}:{number}") for number, row in rows if row["state"] == "paid")


def abandon(ledger: Ledger, remote: str) -> int:
    """Mark the open calls of a batch as lost; return how many."""
    for batch in ledger.open_batches():
        if remote in (batch["remote"], str(batch["id"])):
            return len(ledger.close_batch(batch["id"], "abandoned", "lost", "given up"))
    known = ", ".join(str(batch["remote"] or batch["id"]) for batch in ledger.open_batches()) or "none"
    raise InputError(f"{ledger.path}: no open batch {remote}; open are: {known}")


def _check_columns(row: Row, place: str) -> None:
    for name in TEXTS:
        if not isinstance(row[name], str):
            raise InputError(f"{place}: '{name}' is not a text; fix or delete the line")
    for name in NUMBERS:
        if not is_count(row[name]):
            raise InputError(f"{place}: '{name}' is not a count; fix or delete the line")


def _checked(row: Row, place: str) -> Row:
    _check_columns(row, place)
    source = "stub" if row["source"] == "stub" else "imported"
    if source == "stub":
        return {name: row[name] for name in COLUMNS} | {"source": source, "batch": None}
    try:
        raw = str(row["response"]).encode("utf-8", "surrogateescape")
        parse(raw, row["via"] == "batch")
    except ValueError as error:
        raise InputError(f"{place}: the response is not an answer ({error}); fix or delete the line") from None
    # The ledger would never use it.
    if zlib.crc32(raw) != row["crc"]:
        raise InputError(
            f"{place}: the response was changed or damaged (its checksum 'crc' does not match); delete the line"
        )
    return {name: row[name] for name in COLUMNS} | {"source": source, "batch": None, "response": raw}


if __name__ == "__main__":
    cli.run(main)
