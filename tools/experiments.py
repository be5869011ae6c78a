"""Compare experiments with a reference run, for docs/experiments.md: its table and its picture.

    python tools/experiments.py [--reference REV] NAME ...    (names of `dvc exp list`; none: draw what the table has)

In: DVC experiments, as the lines in docs/experiments.md queue them, and the run they are compared with, HEAD by
default. Out: a row for each in docs/experiments.tsv (replacing a row of the same name), docs/experiments.svg, and the
table in Markdown on stdout.

A change is the experiment's distilled student minus the reference's, with the 95% interval of a paired bootstrap over
the held-out prompts, exactly as `python -m distill.compare REV NAME` prints it.
"""

import argparse
import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

from dvc.api import DVCFileSystem
from markupsafe import escape

from distill.common import cli
from distill.common.config import PARAMS, section
from distill.common.jsonl import Row, write_text
from distill.comparison import runs
from distill.comparison.differences import differences
from distill.comparison.pairs import pair
from distill.evaluate.report.figures import Bootstrap, headline
from distill.evaluate.stage import EvaluateParams
from distill.evaluate.style import profiles

ROOT = Path(__file__).resolve().parents[1]
TABLE, PICTURE = ROOT / "docs/experiments.tsv", ROOT / "docs/experiments.svg"
COLUMNS = ["name", "reference", "setting", "answers", "updates", "val_loss", "loss", "change", "low", "high"]
DIGITS = 4
HEADINGS = ["experiment", "against", "differs by", "answers", "updates", "val. loss", "held-out loss",
            "change in it [95% interval]"]  # fmt: skip
TITLE = "Held-out loss minus the reference’s (nats a token), with 95% intervals; left is better"
FONT = 'font-family="system-ui, sans-serif" font-size="12"'
WIDTH, LINE, TOP, BOTTOM, LABELS, RIGHT = 720, 24, 34, 34, 150, 30


def main() -> None:
    """Command line: `python tools/experiments.py`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="experiments to compare with the reference")
    parser.add_argument("--reference", default="HEAD", help="a revision or an experiment (default: HEAD)")
    args = parser.parse_args()
    rows = {row["name"]: row for row in read()}
    for name in args.names:
        rows[name] = {key: str(value) for key, value in measure(args.reference, name).items()}
        print(f"{name}: compared", file=sys.stderr)
    write(list(rows.values()))
    write_text(PICTURE, draw(list(rows.values())))
    print(markdown(list(rows.values())))


def read() -> list[Row]:
    """Return the rows of the table so far."""
    if not TABLE.exists():
        return []
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def write(rows: list[Row]) -> None:
    """Replace the table."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def measure(reference: str, name: str) -> Row:
    """Return an experiment's row.

    Raises:
        InputError: There is no such experiment, or it was not evaluated.
    """
    params = section(EvaluateParams, "evaluate", PARAMS)
    base, run = runs.load(reference), runs.load(name)
    rows = pair(base, run, params.pass_k, params.style).rows
    bootstrap, features = Bootstrap(params.resamples, params.seed), profiles.features(params.style)
    found = headline(rows, bootstrap, params.pass_k, features)["nll"]
    training = json.loads(DVCFileSystem(str(ROOT), rev=name).read_text("metrics/train.json"))
    return {
        "name": name,
        "reference": reference,
        "setting": ", ".join(f"{key} {value}" for key, _, value in differences(base, run).params),
        "answers": training["examples"],
        "updates": training["updates"],
        "val_loss": round(training["val"]["loss"]["last"], DIGITS),
        "loss": found["distilled"],
        "change": found["difference"],
        "low": found["ci_low"],
        "high": found["ci_high"],
    }


def markdown(rows: list[Row]) -> str:
    """Return the table as docs/experiments.md has it."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(row: Row) -> list[str]:
    cells = [f"`{row['name']}`", f"`{row['reference']}`", row["setting"], row["answers"], row["updates"]]
    cells += [f"{float(row[name]):.3f}" for name in ("val_loss", "loss")]
    change, low, high = (f"{float(row[name]):+.3f}" for name in ("change", "low", "high"))
    return [*cells, f"{change} [{low}, {high}]".replace("-", "−")]


def draw(rows: list[Row]) -> str:
    """Return the changes in loss with their intervals as an SVG picture, a line an experiment."""
    ends = [0.0, *(float(row[end]) for row in rows for end in ("low", "high"))]
    low, high = min(ends), max(ends)
    height = TOP + LINE * len(rows) + BOTTOM

    def x(value: float) -> float:
        return LABELS + (value - low) * (WIDTH - LABELS - RIGHT) / ((high - low) or 1)

    zero = f'x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{TOP - 4}" y2="{height - BOTTOM + 8}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" {FONT}>',
        f"<title>{TITLE}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="20" fill="#333">{TITLE}</text>',
        f'<line {zero} stroke="#888" stroke-dasharray="3 3"/>',
    ]
    for value in sorted({low, 0.0, high}):
        place = f'x="{x(value):.1f}" y="{height - 10}" text-anchor="middle"'
        parts.append(f'<text {place} fill="#333">{value:+.2f}</text>')
    for number, row in enumerate(rows):
        parts += _interval(row, x, TOP + LINE * (number + 0.5))
    return "\n".join([*parts, "</svg>", ""])


def _interval(row: Row, x: Callable[[float], float], y: float) -> list[str]:
    low, value, high = (float(row[name]) for name in ("low", "change", "high"))
    colour = "#1a7f37" if high < 0 else "#b42318" if low > 0 else "#555"
    return [
        f'<text x="12" y="{y + 4:.1f}" fill="#111">{escape(row["name"])}</text>',
        f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="2"/>',
        f'<circle cx="{x(value):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>',
    ]


if __name__ == "__main__":
    cli.run(main)
