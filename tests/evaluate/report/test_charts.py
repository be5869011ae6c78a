"""The charts: marks stand where the numbers say, computed by hand, and texts are escaped."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from distill.evaluate.report import charts
from distill.evaluate.report.charts import Dumbbell


def marks(svg: str, kind: str, *classes: str) -> list[dict[str, str]]:
    """The attributes of the elements of a kind that have these classes; the SVG has to be well-formed."""
    root = ElementTree.fromstring(svg)  # noqa: S314 (our own output)
    found = [node.attrib for node in root.iter(kind)]
    return [node for node in found if set(classes) <= set(node.get("class", "").split())]


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter("text")]  # noqa: S314


def test_loss_has_a_line_for_each_split() -> None:
    rows = [
        {"update": "0", "split": "train", "loss": "1.0"},
        {"update": "10", "split": "train", "loss": "0.5"},
        {"update": "10", "split": "val", "loss": "0.75"},
    ]
    svg = charts.loss(rows)
    # The plot spans x 46 to 468 and y 220 (0.5) to 14 (1.0).
    assert marks(svg, "polyline", "train")[0]["points"] == "46.0,14.0 468.0,220.0"
    assert marks(svg, "circle", "val") == [{"class": "dot val", "cx": "468.0", "cy": "117.0", "r": "3.5"}]
    assert "10 updates" in texts(svg)


def test_loss_without_validation_and_without_anything() -> None:
    svg = charts.loss([{"update": 1, "split": "train", "loss": 1.0}])
    begin, end = marks(svg, "polyline", "train")[0]["points"].split()
    assert (begin, end) == ("464.0,220.0", "468.0,220.0")  # a dash, for a line of one point is none
    assert "1 update" in texts(svg)
    assert not marks(svg, "polyline", "val")
    assert charts.loss([]) == ""


def test_likelihood_sorts_prompts_by_the_base() -> None:
    svg = charts.likelihood([Dumbbell("hard", "#b", 2.0, 1.0), Dumbbell("easy", "#a", 1.0, 1.5)])
    # Two columns of 211 from x 46: centres at 151.5 and 362.5. y 220 is 1, y 14 is 2.
    assert [(dot["cx"], dot["cy"]) for dot in marks(svg, "circle", "base")] == [("151.5", "220.0"), ("362.5", "14.0")]
    assert [(dot["cx"], dot["cy"]) for dot in marks(svg, "circle", "distilled")] == [
        ("151.5", "117.0"),
        ("362.5", "220.0"),
    ]
    assert [line["class"] for line in marks(svg, "line", "stem")] == ["stem up", "stem down"]
    assert re.findall("<title>([^<]*)</title>", svg) == ["easy: 1.000 → 1.500", "hard: 2.000 → 1.000"]


def test_profile_puts_shares_on_a_rail() -> None:
    svg = charts.profile([("Typed", {"base": 0.0, "distilled": 0.5, "teacher": 1.0})])
    assert marks(svg, "circle", "base")[0]["cx"] == "10.0"
    assert marks(svg, "circle", "distilled")[0]["cx"] == "240.0"
    assert marks(svg, "path", "teacher")[0]["d"].startswith("M470.0 ")
    assert "Typed: base 0%, distilled 50%, teacher 100%" in svg


def test_bars_are_as_long_as_their_share() -> None:
    svg = charts.bars([("Easy", [("base", 0.25, "1/4"), ("distilled", 0.0, "0/4")])], "Solved")
    # A full bar is 358 long.
    assert [bar["width"] for bar in marks(svg, "rect", "rail-bar")] == ["358.0", "358.0"]
    assert [bar["width"] for bar in marks(svg, "rect", "bar")] == ["89.5", "0.0"]
    assert texts(svg) == ["Easy", "1/4", "0/4"]


@pytest.mark.parametrize(
    ("low", "high", "difference", "better", "span", "point"),
    [
        (0.5, 1.0, 0.75, "higher", ("88.0", "28.0"), "102.0"),
        (-1.0, -0.5, -0.75, "lower", ("88.0", "28.0"), "102.0"),
        (-1.0, 1.0, 0.0, "higher", ("4.0", "112.0"), "60.0"),
    ],
)
def test_interval_has_better_to_the_right(
    low: float, high: float, difference: float, better: str, span: tuple[str, str], point: str
) -> None:
    svg = charts.interval(low, high, difference, better)
    bar = marks(svg, "rect", "span")[0]
    assert (bar["x"], bar["width"]) == span
    assert marks(svg, "circle", "point")[0]["cx"] == point


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 1.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([0.61, 1.34], [0.6, 0.8, 1.0, 1.2, 1.4]),
        ([3.0, 3.0], [3.0, 4.0]),
        ([12.0, 170.0], [0.0, 50.0, 100.0, 150.0, 200.0]),
    ],
)
def test_ticks_are_round_and_enclose_the_values(values: list[float], ticks: list[float]) -> None:
    low, high, found = charts._ticks(values)
    assert found == pytest.approx(ticks)
    assert low <= min(values) <= max(values) <= high


def test_texts_are_escaped() -> None:
    hostile = '"><script>alert(1)</script>'
    pictures = [
        charts.likelihood([Dumbbell(hostile, hostile, 1.0, 2.0)]),
        charts.profile([(hostile, {"base": 0.5})]),
        charts.bars([(hostile, [("base", 0.5, hostile)])], hostile),
    ]
    for picture in pictures:
        assert "<script" not in picture
        ElementTree.fromstring(picture)  # noqa: S314
