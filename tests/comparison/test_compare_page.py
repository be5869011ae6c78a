"""metrics/compare.html, as text and in a real Chromium: what differs is marked, nothing of a model runs."""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Page, browser, executable
from compared import prompt, run_a, run_b
from distill.common.jsonl import Row
from distill.comparison.page import render
from distill.comparison.pairs import pair
from distill.comparison.runs import Run
from distill.evaluate.report.figures import Bootstrap, headline
from evaluation_rows import FEATURES

needs_browser = pytest.mark.skipif(
    executable() is None, reason="no Chromium or Chrome on PATH (apt-get install chromium)"
)
SCRIPT = "document.title='ran'"
HOSTILE = (
    f"<script>{SCRIPT}</script>",
    f'</pre></del><img src=x onerror="{SCRIPT}">',
    f"[click](javascript:{SCRIPT}) ![x](https://example.com/x.png)",
    '<meta http-equiv=refresh content="0;url=https://example.com"><base href=https://example.com>',
    "a\u202eb\0c",
    "x" * 50_000,
)


def compared(a: list[Row], b: list[Row], names: tuple[str, str] = ("main", "r-8"), notes: tuple[str, ...] = ()) -> str:
    runs = [
        Run(name, {row["id"]: row for row in rows}, {}, [], {}, True) for name, rows in zip("ab", (a, b), strict=True)
    ]
    rows = pair(*runs, 2, "python").rows
    return render(rows, headline(rows, Bootstrap(500, 1), 2, FEATURES), names, "B solves fewer tasks", notes)


def hostile() -> str:
    """A page whose every text is hostile: ids, prompts, answers, the names of the runs, and notes."""
    a, b = ([prompt(f"{text[:80]}-{number}", 10 + number, "exception", text + more)
             for number, text in enumerate(HOSTILE)] for more in ("", " and more"))  # fmt: skip
    for row in (*a, *b):
        row["outcomes"]["distilled"][0]["detail"] = row["prompt"][:200]
        row["outcomes"]["distilled"][0]["outcome"] = "pass" if row in a else "exception"
    return compared(a, b, (HOSTILE[0], HOSTILE[1]), HOSTILE[:4])


def test_both_answers_are_marked_and_what_flipped_is_linked() -> None:
    html = compared(run_a(), run_b(), notes=("Parameters: train.lora.r 16 → 8.",))
    assert "<ins>Here is what you asked for.\n\n</ins>First the idea." in html
    assert "def clamp(x: <del>int</del>) -&gt; <del>int</del>:" in html
    assert "def clamp(x: <ins>float</ins>) -&gt; <ins>float</ins>:" in html
    assert html.count("the same answer") == 3
    assert '<b>Now pass:</b> <a href="#prompt-word-break">word-break</a>.' in html
    assert '<b>No longer pass:</b> <a href="#prompt-clamp">clamp</a>.' in html
    assert re.findall(r'data-outcome="([^"]*)"', html) == [
        "failed changed lost",
        "passed",
        "passed changed gained",
        "failed",
    ]
    assert "<li>Parameters: train.lora.r 16 → 8.</li>" in html
    assert "A · main" in html


def test_only_the_pages_own_script_and_style_are_allowed() -> None:
    html = compared(run_a(), run_b())
    for tag in ("style", "script"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in html
    assert "default-src &#39;none&#39;" in html
    assert not re.search(r"https?://", html)


def test_without_outcomes_and_likelihoods() -> None:
    b = [row | {"outcomes": None, "likelihood": None, "unscored": "max_tokens"} for row in run_b()]
    html = compared(run_a(), b)
    assert "Now pass" not in html
    assert "leave out 4 of the teacher’s 4 answers (max_tokens 4)" in html


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.browser
@needs_browser
def test_nothing_of_a_model_runs_and_a_phone_shows_it(page: Page, tmp_path: Path, width: int) -> None:
    path = tmp_path / "compare.html"
    path.write_text(hostile(), encoding="utf-8")
    page.open(path, width)
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    page.evaluate("document.querySelectorAll('#cards *').forEach((node) => node.click && node.click())")
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    assert page.evaluate("document.title") == "Two runs of the distilled student"
    assert page.evaluate("[document.scripts.length, document.querySelectorAll('img, iframe, base').length]") == [1, 0]
    assert (page.requests, page.errors) == ([path.as_uri()], [])
    assert page.evaluate("document.documentElement.scrollWidth") == width
    text = page.evaluate("document.body.innerText")
    assert f"<script>{SCRIPT}</script>" in text
    assert "a⟦U+202E⟧b⟦U+0000⟧c" in text


@pytest.mark.browser
@needs_browser
def test_answers_stand_side_by_side_or_stacked_and_the_filter_finds_flips(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "compare.html"
    path.write_text(compared(run_a(), run_b()), encoding="utf-8")
    places = "[...document.querySelectorAll('.card .answer')].slice(0, 2).map((node) => node.getBoundingClientRect())"
    page.open(path, 1280)
    left, right = page.evaluate(f"{places}.map((box) => [box.top, box.width])")
    assert left == right
    page.open(path, 390)
    assert len(set(page.evaluate(f"{places}.map((box) => box.left)"))) == 1
    for outcome, count in {"changed": 2, "gained": 1, "lost": 1, "": 4}.items():
        node = "document.getElementById('outcome')"
        page.evaluate(f"{node}.value = '{outcome}'; {node}.dispatchEvent(new Event('input', {{bubbles: true}}))")
        assert page.evaluate("document.getElementById('count').textContent") == f"{count} of 4 prompts"
    colours = page.evaluate(
        "['del', 'ins'].map((tag) => getComputedStyle(document.querySelector(tag)).backgroundColor)"
    )
    assert len({*colours, "rgba(0, 0, 0, 0)"}) == 3
