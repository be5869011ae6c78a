"""The report in a real Chromium: nothing of a model runs, nothing is asked of a network, and a phone can show it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Page, browser, executable
from distill.evaluate.report.page import render
from evaluation_rows import BASE, FEATURES, curve, headline, row, rows

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="no Chromium or Chrome on PATH (apt-get install chromium)"),
]

RUN = "document.title='ran'"
HOSTILE = (
    f"<script>{RUN}</script>",
    f'</code></pre><img src=x onerror="{RUN}">',
    f"</script><script>{RUN}</script>",
    f"[click](javascript:{RUN}) <javascript:{RUN}> ![x](https://example.com/x.png)",
    f"```html\n<svg onload={RUN}>\n```",
    f'```"><script>{RUN}</script>\n</code></pre><script>{RUN}</script>\n```',
    f'```python\n"""</span></code></pre><script>{RUN}</script>"""\n```',
    '<meta http-equiv=refresh content="0;url=https://example.com"><base href=https://example.com>',
    f'<iframe src="javascript:parent.{RUN}"></iframe><link rel=stylesheet href=https://example.com/a.css>',
    "<style>body{display:none}</style><form action=https://example.com><button>",
    "a\u202eb\u2066c\0d\ud800e\u200bf",
    "x" * 100_000,
    "```python\n" + "y = '" + "z" * 100_000 + "'\n```",
)

COLOURS = """Every colour of the highlighter.

```python
@decorated
class Thing(Exception):
    '''A docstring.'''

    def area(self, side: float) -> float:
        return f"{side!r}" if side in (1, 2.5) else len([None])  # a comment
```

```bash
echo "$HOME" # a comment
```

```pycon
>>> 1 + 1
2
```
"""

# The lowest contrast of text on the page against what lies behind it, and the text: WCAG 2's formula.
CONTRAST = """(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const over = (top, below) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => top[i] * a + below[i] * (1 - a)); };
  const behind = (node) => {
    const layers = [];
    for (let e = node; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => c.map((v, i) => [0.2126, 0.7152, 0.0722][i] * linear(v / 255)).reduce((a, b) => a + b);
  let worst = [21, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest("script, title") || !parent.checkVisibility()) continue;
    const style = getComputedStyle(parent), below = behind(parent);
    const colour = over(parse(parent.closest("svg") ? style.fill : style.color), below);
    const [a, b] = [light(colour), light(below)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, node.data.trim()];
  }
  return worst;
})()"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(rows(), headline(), curve(), {}, FEATURES), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose every text is hostile: ids, prompts, answers, details and reasons."""
    details = [row(f"id-{number}{text[:60]}", "heldout-easy", texts=(text, text, text), prompt=text)
               for number, text in enumerate(HOSTILE)]  # fmt: skip
    for detail in details:
        detail["outcomes"]["base"] = [{"outcome": "exception", "detail": detail["prompt"][:200]}]
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    head = headline() | {"sandbox": HOSTILE[0], "pass_at_1": None, "sandbox_reason": HOSTILE[1]}
    path.write_text(render(details, head, curve(), {}, FEATURES), encoding="utf-8")
    return path


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")


def counted(page: Page) -> str:
    """What the filter says it shows, checked against what can be seen."""
    text = str(page.evaluate("document.getElementById('count').textContent"))
    seen = page.evaluate("[...document.querySelectorAll('.card')].filter((card) => card.checkVisibility()).length")
    assert text.startswith(f"{seen} of ")
    return text


def choose(page: Page, name: str, value: str) -> None:
    node = f"document.getElementById('{name}')"
    page.evaluate(f"{node}.value = '{value}'; {node}.dispatchEvent(new Event('input', {{bubbles: true}}))")


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_of_a_model_runs(page: Page, hostile: Path, width: int) -> None:
    page.open(hostile, width)
    open_all(page)
    page.evaluate("document.querySelectorAll('#cards *').forEach((node) => node.click && node.click())")
    assert page.evaluate("document.title") == "Evaluation of the distilled student"
    assert page.evaluate("[document.scripts.length, document.querySelectorAll('img, iframe, base, form').length]") == [
        1,
        1,
    ]
    assert page.requests == [hostile.as_uri()]
    assert page.errors == []
    text = page.evaluate("document.body.innerText")
    assert f"<script>{RUN}</script>" in text
    assert "a⟦U+202E⟧b⟦U+2066⟧c⟦U+0000⟧d" in text


def test_the_policy_holds_even_if_something_got_in(page: Page, report: Path) -> None:
    page.open(report)
    page.evaluate(f"document.body.append(Object.assign(document.createElement('script'), {{textContent: {RUN!r}}}))")
    page.evaluate(f"document.body.insertAdjacentHTML('beforeend', `<img src=https://example.com/x onerror={RUN}>`)")
    assert page.evaluate("document.title") == "Evaluation of the distilled student"
    assert len(page.errors) >= 2
    assert all("Content Security Policy" in error for error in page.errors)


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_page_scrolls_sideways(page: Page, report: Path, hostile: Path, width: int) -> None:
    for path in (report, hostile):
        page.open(path, width)
        open_all(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("dark", [False, True])
def test_contrast_is_aa_in_light_and_dark(page: Page, tmp_path: Path, dark: bool) -> None:
    detail = row("colours", outcomes=("wrong_answer", "pass", "pass"), texts=(COLOURS, "", COLOURS))
    detail["health"]["base"]["repetition"] = 0.5
    detail["answers"]["base"][0]["ended"] = False
    path = tmp_path / "report.html"
    path.write_text(render([detail, *rows()], headline(), curve(), {}, FEATURES), encoding="utf-8")
    page.open(path, dark=dark)
    open_all(page)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(background[4:].split(",")[0]) < 60) == dark
    ratio, text = page.evaluate(CONTRAST)
    assert ratio >= 4.5, text
    assert ratio < 21


def test_answers_stand_side_by_side_or_stacked(page: Page, report: Path) -> None:
    places = "[...document.querySelectorAll('.card .answer')].slice(0, 3).map((node) => node.getBoundingClientRect())"
    page.open(report, 1280)
    assert len(set(page.evaluate(f"{places}.map((box) => box.top)"))) == 1
    page.open(report, 390)
    assert len(set(page.evaluate(f"{places}.map((box) => box.left)"))) == 1


def test_the_filter_filters(page: Page, report: Path) -> None:
    page.open(report)
    assert counted(page) == "4 of 4 prompts"
    for outcome, count in {"changed": 2, "gained": 1, "lost": 1, "passed": 2, "failed": 2, "": 4}.items():
        choose(page, "outcome", outcome)
        assert counted(page) == f"{count} of 4 prompts"
    choose(page, "difficulty", "easy")
    assert counted(page) == "2 of 4 prompts"
    page.evaluate("document.getElementById('search').focus()")
    page.type("PRIME")
    assert counted(page) == "1 of 4 prompts"
    page.type(" nowhere")
    assert counted(page) == "0 of 4 prompts"
    assert page.evaluate("document.getElementById('nothing').checkVisibility()")


def test_the_keyboard_reaches_filter_and_answers(page: Page, report: Path) -> None:
    page.open(report)
    focused = []
    for _ in range(8):
        page.press("Tab", 9)
        focused.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert focused[:6] == ["A", "search", "difficulty", "outcome", "toggle", "SUMMARY"]
    page.press("Enter", 13)
    assert page.evaluate("[...document.querySelectorAll('.card')].map((card) => card.open)") == [
        True,
        False,
        True,
        False,
    ]


def test_a_dot_of_the_chart_leads_to_its_prompt(page: Page, report: Path) -> None:
    page.open(report)
    page.evaluate("document.querySelector('a[href=\"#prompt-word-break\"]').dispatchEvent(new MouseEvent('click'))")
    page.evaluate("new Promise((done) => setTimeout(done))")
    assert page.evaluate("document.getElementById('prompt-word-break').open")


def test_it_works_without_outcomes(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render([row(outcomes=None, texts=(BASE,) * 3)], {}, [], {}, FEATURES), encoding="utf-8")
    page.open(path, 390)
    assert counted(page) == "1 of 1 prompts"
    assert page.errors == []
