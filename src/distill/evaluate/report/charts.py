"""The report's charts as inline SVG: shapes and classes only, coloured by the page's style sheet.

In: rows of numbers. Out: one <svg>, without script, inline style or ids. Sizes are in units of a picture 480 wide; the
style sheet makes the letters larger on a phone, so every label has room for that.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from distill.common.jsonl import Row
from distill.evaluate.report.rows import MODELS

WIDTH = 480
HEIGHT = 260
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 40
LINE = 43
"""Height of a row in a chart of rows."""
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Dumbbell:
    """One prompt in the likelihood chart: where it links to, and its two values."""

    label: str
    href: str
    base: float
    distilled: float


def loss(curve: Sequence[Row]) -> Markup:
    """Return training and validation loss by update; rows have update, split and loss (numbers or their text)."""
    points = [(row["split"], float(row["update"]), float(row["loss"])) for row in curve]
    if not points:
        return Markup("")
    x = _scale(0, max(update for _, update, _ in points), LEFT, WIDTH - RIGHT)
    low, high, ticks = _ticks([value for _, _, value in points])
    y = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [_grid(y, ticks), _x_axis(x, round(max(update for _, update, _ in points)))]
    for split in ("train", "val"):
        line = [(x(update), y(value)) for name, update, value in points if name == split]
        parts.append(_line(line, f"line {split}"))
        if split == "val":
            parts += [_circle(a, b, 3.5, "dot val") for a, b in line]
    return _svg(HEIGHT, "Loss by update, training and validation", parts)


def likelihood(prompts: Sequence[Dumbbell]) -> Markup:
    """Return base and distilled loss of every prompt as a pair of joined dots, sorted by the base's."""
    rows = sorted(prompts, key=lambda prompt: (prompt.base, prompt.label))
    if not rows:
        return Markup("")
    low, high, ticks = _ticks([value for row in rows for value in (row.base, row.distilled)])
    y = _scale(low, high, HEIGHT - BOTTOM, TOP)
    step = (WIDTH - LEFT - RIGHT) / len(rows)
    radius = min(3.6, max(1.2, step * 0.42))
    parts = [
        _grid(y, ticks),
        _text(LEFT, HEIGHT - 10, "prompts, the base’s easiest first"),
    ]
    for place, row in enumerate(rows):
        x = LEFT + (place + 0.5) * step
        kind = "down" if row.distilled <= row.base else "up"
        parts += [
            f'<a href="{escape(row.href)}" tabindex="-1">',
            f"<title>{escape(row.label)}: {row.base:.3f} → {row.distilled:.3f}</title>",
            f'<rect class="hit" x="{x - step / 2:.1f}" y="{TOP}" width="{step:.1f}" height="{HEIGHT - BOTTOM - TOP}"/>',
            f'<line class="stem {kind}" x1="{x:.1f}" y1="{y(row.base):.1f}" x2="{x:.1f}" y2="{y(row.distilled):.1f}"/>',
            _circle(x, y(row.base), radius, "dot base"),
            _circle(x, y(row.distilled), radius, "dot distilled"),
            "</a>",
        ]
    return _svg(HEIGHT, "Loss on the teacher's answer to each held-out prompt, base and distilled", parts)


def profile(features: Sequence[tuple[str, Row]]) -> Markup:
    """Return a row a feature with a mark for each model; values are shares from 0 to 1."""
    if not features:
        return Markup("")
    x = _scale(0, 1, 10, WIDTH - 10)
    height = len(features) * LINE + 26
    parts = [_rows_axis(x, height)]
    for place, (label, values) in enumerate(features):
        y = place * LINE + 29
        parts.append(_text(4, y - 11, label, "label"))
        parts.append(f'<line class="rail" x1="{x(0):.1f}" y1="{y}" x2="{x(1):.1f}" y2="{y}"/>')
        spoken = ", ".join(f"{name} {values[name]:.0%}" for name in MODELS if name in values)
        marks = [_mark(name, x(min(1, max(0, values[name]))), y) for name in reversed(MODELS) if name in values]
        parts.append(f"<g><title>{escape(label)}: {spoken}</title>{''.join(marks)}</g>")
    return _svg(height, "Style profile of base, distilled and teacher", parts)


def bars(groups: Sequence[tuple[str, Sequence[tuple[str, float, str]]]], name: str) -> Markup:
    """Return groups of horizontal bars; a bar is (model, share from 0 to 1, the label at its end)."""
    if not groups:
        return Markup("")
    x = _scale(0, 1, 4, WIDTH - 118)
    parts: list[str] = []
    y = 0.0
    for label, lines in groups:
        parts.append(_text(4, y + 16, label, "label"))
        y += 24
        for model, share, value in lines:
            parts.append(f'<rect class="rail-bar" x="4" y="{y:.1f}" width="{x(1) - 4:.1f}" height="11" rx="2"/>')
            width = max(0.0, x(share) - 4)
            parts.append(f'<rect class="bar {model}" x="4" y="{y:.1f}" width="{width:.1f}" height="11" rx="2"/>')
            parts.append(_text(x(1) + 8, y + 10, value))
            y += 19
        y += 10
    return _svg(round(y), name, parts)


def interval(low: float, high: float, difference: float, better: str) -> Markup:
    """Return a small bar for a 95% interval: zero in the middle, better to the right."""
    sign = -1 if better == "lower" else 1
    reach = max(abs(low), abs(high)) or 1.0
    x = _scale(-reach, reach, 4, 116)
    ends = sorted((x(sign * low), x(sign * high)))
    parts = [
        '<line class="zero" x1="60" y1="1" x2="60" y2="19"/>',
        f'<rect class="span" x="{ends[0]:.1f}" y="7" width="{max(1.5, ends[1] - ends[0]):.1f}" height="6" rx="3"/>',
        _circle(x(sign * difference), 10, 4, "point"),
    ]
    return Markup('<svg class="interval" viewBox="0 0 120 20" aria-hidden="true">' + "".join(parts) + "</svg>")  # noqa: S704


def mark(model: str) -> Markup:
    """Return a model's mark on its own, for legends and column heads."""
    return Markup(f'<svg class="mark" viewBox="0 0 14 14" aria-hidden="true">{_mark(model, 7, 7)}</svg>')  # noqa: S704


def _mark(model: str, x: float, y: float) -> str:
    if model == "teacher":
        return f'<path class="dot teacher" d="M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z"/>'
    return _circle(x, y, 5, f"dot {model}")


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _ticks(values: Sequence[float]) -> tuple[float, float, list[float]]:
    """A range that holds `values` and starts and ends at a tick; ticks are 1, 2 or 5 times a power of ten apart."""
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span))
    step = next(step for step in (power / 5, power / 2, power, power * 2) if span / step <= 5)
    # Rounded first: 0.5 / 0.1 must not be a hair below 5.
    first, last = math.floor(round(low / step, 9)), math.ceil(round(high / step, 9))
    last = max(last, first + 1)
    return first * step, last * step, [number * step for number in range(first, last + 1)]


def _grid(y: Scale, ticks: Iterable[float]) -> str:
    parts = []
    for value in ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y(value):.1f}" x2="{WIDTH - RIGHT}" y2="{y(value):.1f}"/>')
        parts.append(_text(LEFT - 7, y(value) + 4, f"{value:.4g}", anchor="end"))
    return "".join(parts)


def _x_axis(x: Scale, last: int) -> str:
    y = HEIGHT - BOTTOM + 20
    inner = sorted({round(last * share) for share in (0.25, 0.5, 0.7)} - {0, last})
    parts = [
        _text(x(0), y, "0", anchor="middle"),
        *(_text(x(value), y, f"{value}", anchor="middle") for value in inner),
    ]
    return "".join([*parts, _text(x(last), y, f"{last} update{'s' * (last != 1)}", anchor="end")])


def _rows_axis(x: Scale, height: float) -> str:
    parts = []
    for share, anchor in ((0, "start"), (0.5, "middle"), (1, "end")):
        parts.append(f'<line class="grid" x1="{x(share):.1f}" y1="4" x2="{x(share):.1f}" y2="{height - 20}"/>')
        parts.append(
            _text(x(share) + {"start": -6, "middle": 0, "end": 6}[anchor], height - 5, f"{share:.0%}", "", anchor)
        )
    return "".join(parts)


def _line(points: Sequence[tuple[float, float]], classes: str) -> str:
    if len(points) == 1:  # of which a line shows nothing
        ((x, y),) = points
        points = [(x - 4, y), (x, y)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{classes}" points="{path}"/>' if points else ""


def _circle(x: float, y: float, radius: float, classes: str) -> str:
    return f'<circle class="{classes}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'


def _text(x: float, y: float, text: str, classes: str = "", anchor: str = "start") -> str:
    kind = f' class="{classes}"' if classes else ""
    at = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}{at}>{escape(text)}</text>'


def _svg(height: float, name: str, parts: Iterable[str]) -> Markup:
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(name)}">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 (texts are escaped one by one)
