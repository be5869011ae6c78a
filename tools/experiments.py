"""Compare experiments with the reference run, for docs/experiments.md: its table and its picture.

    python tools/experiments.py NAME ...      (names of `dvc exp list`; none: draw what the table has)

In: DVC experiments, as the lines in docs/experiments.md queue them, and HEAD, the reference run. Out: a row each in
docs/experiments.tsv (a row of that name is replaced), docs/experiments.svg, and the table in Markdown on stdout.

Changes are an experiment's distilled student minus the reference's, with the 95% interval of a paired bootstrap over
the held-out prompts, exactly as `python -m distill.compare HEAD NAME` prints them.
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
from distill.comparison.pairs import pair, passed
from distill.evaluate.report.figures import Bootstrap, headline
from distill.evaluate.stage import EvaluateParams

ROOT = Path(__file__).resolve().parents[1]
TABLE, PICTURE = ROOT / "docs/experiments.tsv", ROOT / "docs/experiments.svg"
REFERENCE = "HEAD"
CHANGES = {"nll": "loss", "style_distance": "style"}
COLUMNS = ["name", "setting", "answers", "updates", "val_loss", "loss", "loss_change", "loss_low", "loss_high",
           "style_change", "style_low", "style_high", "passed"]  # fmt: skip
DIGITS = 4
HEADINGS = ["experiment", "setting", "answers", "updates", "val. loss", "loss", "change in loss [95% interval]",
            "change in style distance [95% interval]", "pass"]  # fmt: skip
TITLE = "Held-out loss minus the reference run’s (nats a token), with 95% intervals; left is better"
FONT = 'font-family="system-ui, sans-serif" font-size="12"'
WIDTH, LINE, TOP, BOTTOM, LABELS, RIGHT = 720, 24, 34, 34, 150, 30


def main() -> None:
    """Command line: `python tools/experiments.py`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="experiments to compare with HEAD")
    rows = {row["name"]: row for row in read()}
    for name in parser.parse_args().names:
        rows[name] = {key: str(value) for key, value in measure(name).items()}
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


def measure(name: str) -> Row:
    """Return an experiment's row.

    Raises:
        InputError: There is no such experiment, or it was not evaluated.
    """
    params = section(EvaluateParams, "evaluate", PARAMS)
    reference, run = runs.load(REFERENCE), runs.load(name)
    rows = pair(reference, run, params.pass_k).rows
    figures = headline(rows, Bootstrap(params.resamples, params.seed), params.pass_k)
    training = json.loads(DVCFileSystem(str(ROOT), rev=name).read_text("metrics/train.json"))
    setting = ", ".join(f"{key} {value}" for key, _, value in differences(reference, run).params)
    row: Row = {"name": name, "setting": setting or "the reference settings"}
    row |= {"answers": training["examples"], "updates": training["updates"]}
    row |= {"val_loss": round(training["val"]["loss"]["last"], DIGITS), "loss": figures["nll"]["distilled"]}
    for figure, column in CHANGES.items():
        found = figures[figure]
        row |= {f"{column}_change": found["difference"], f"{column}_low": found["ci_low"]}
        row |= {f"{column}_high": found["ci_high"]}
    ran = [one for one in rows if one["outcomes"]]
    return row | {"passed": f"{sum(passed(one, 'distilled') for one in ran)} of {len(ran)}"}


def markdown(rows: list[Row]) -> str:
    """Return the table as docs/experiments.md has it."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(row: Row) -> list[str]:
    cells = [f"`{row['name']}`", row["setting"], row["answers"], row["updates"]]
    cells += [f"{float(row[name]):.3f}" for name in ("val_loss", "loss")]
    for name in CHANGES.values():
        change, low, high = (f"{float(row[f'{name}_{end}']):+.3f}" for end in ("change", "low", "high"))
        cells.append(f"{change} [{low}, {high}]".replace("-", "−"))
    return [*cells, row["passed"]]


def draw(rows: list[Row]) -> str:
    """Return the changes in loss with their intervals as an SVG picture, a line an experiment."""
    ends = [0.0, *(float(row[f"loss_{end}"]) for row in rows for end in ("low", "high"))]
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
    low, value, high = (float(row[f"loss_{name}"]) for name in ("low", "change", "high"))
    colour = "#1a7f37" if high < 0 else "#b42318" if low > 0 else "#555"
    return [
        f'<text x="12" y="{y + 4:.1f}" fill="#111">{escape(row["name"])}</text>',
        f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="2"/>',
        f'<circle cx="{x(value):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>',
    ]


if __name__ == "__main__":
    cli.run(main)
