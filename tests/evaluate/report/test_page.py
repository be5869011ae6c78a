"""The report as text: what it says, that equal inputs give equal bytes, and that models' texts stay texts.

What a browser makes of it is in test_report_browser.py.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from distill.evaluate.report.page import render
from evaluation_rows import FEATURES, answer, curve, headline, row, rows, verdict

HOSTILE = "</span></code></pre></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'><b>"


class Page(HTMLParser):
    """Tags with their attributes, and the text inside each kind of tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.raw: dict[str, str] = {}
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.raw[self._inside] = self.raw.get(self._inside, "") + data
            self._inside = ""
        else:
            self.texts.append(data)

    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(details: Any = None, head: Any = None, points: Any = None) -> Page:
    details = rows() if details is None else details
    return Page(
        render(details, headline() if head is None else head, curve() if points is None else points, {}, FEATURES)
    )


def test_headline_findings_and_table() -> None:
    text = page().text()
    assert (
        "The distilled student predicts the teacher’s answers better and writes closer to the teacher’s style; "
        "no difference found in how many tasks it solves."
    ) in text
    assert "on 4 prompts that it was not trained on. The teacher’s answers cost $1.61 ." in text
    assert "The change is −1.92, and with 95% confidence between −3.10 and −0.40." in text
    assert "5.08 3.16 – −1.92 −3.10 to −0.40 better" in text
    assert "50.0% 50.0% 100.0% +0.0 pts −50.0 to +50.0 pts no difference found" in text
    assert "longest run of words that a held-out prompt or answer shares with the training data has 6 words" in text


def test_every_prompt_has_three_answers_and_the_words_of_the_filter() -> None:
    found = page()
    cards = [tag for tag in found.all("details") if tag.get("class") == "card"]
    assert [(card["data-difficulty"], card["data-outcome"]) for card in cards] == [
        ("easy", "passed changed gained"),
        ("easy", "passed"),
        ("hard", "failed changed lost"),
        ("medium", "failed"),
    ]
    assert cards[0]["id"] == "prompt-clamp"
    assert len([tag for tag in found.all("article") if (tag.get("class") or "").startswith("answer ")]) == 12
    assert "✗ wrong answer" in found.text()
    assert "gave 3, 2 is expected" in found.text()


def test_bars_count_the_prompts_solved() -> None:
    text = page().text()
    assert "Easy (2 prompts) 1/2 base 2/2 distilled 2/2 teacher" in text
    assert "Hard (1 prompt) 1/1 base 0/1 distilled 1/1 teacher" in text


def test_only_the_pages_own_script_and_style_are_allowed() -> None:
    found = page()
    policy = next(tag["content"] for tag in found.all("meta") if tag.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(found.raw[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_the_page_asks_for_nothing() -> None:
    found = page()
    for tag, attributes in found.tags:
        assert tag not in {"img", "iframe", "object", "embed", "base"}
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("href", "src", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith("#") or value == "data:,"
    assert "url(" not in found.raw["style"]
    assert "@import" not in found.raw["style"]


def test_hostile_texts_stay_texts_wherever_they_stand() -> None:
    detail = row(
        HOSTILE, HOSTILE, texts=(HOSTILE, f"```python\n{HOSTILE}\n```", f"```{HOSTILE}\n{HOSTILE}\n```"), prompt=HOSTILE
    )
    detail["outcomes"]["base"] = [verdict(HOSTILE, HOSTILE)]
    head = headline() | {"pass_at_1": None, "sandbox_reason": HOSTILE, "sandbox": None}
    clean, hostile = page([row("a", "b")], head | {"sandbox_reason": "x"}), page([detail], head)
    assert len(hostile.all("script")) == 1
    assert not hostile.all("img")
    assert hostile.raw == clean.raw
    assert "<script>alert(1)</script>" in hostile.text()


def test_hidden_characters_are_shown() -> None:
    text = page([row(texts=("a\u202eb\0", "\ud800", "```python\nx = '\u2066'\n```"))]).text()
    for code in ("U+202E", "U+0000", "U+D800"):
        assert f"⟦{code}⟧" in text
    assert "\u202e" not in text
    assert "\u2066" not in text


def test_without_a_sandbox_the_page_says_so_and_shows_no_outcomes() -> None:
    head = headline() | {"pass_at_1": None, "sandbox": None, "sandbox_reason": "no sandbox works here"}
    found = page([row(outcomes=None), row("two", outcomes=None)], head)
    assert "Not measured: no sandbox works here." in found.text()
    assert "by difficulty" not in found.text()
    assert not [tag for tag in found.all("select") if tag.get("id") == "outcome"]
    assert "✓" not in found.text()


def test_refused_answers_are_listed_and_what_whole_code_came_to_is_said() -> None:
    detail = row("clamp")
    detail["outcomes"]["distilled"] = [verdict("refused", "ctypes")]
    detail["outcomes"]["base"][0] |= {"outcome": "pass", "as_written": {"outcome": "exception", "detail": "import: no"}}
    found = page([detail, row("other")])
    assert "Refused, because it reaches for what runs it: clamp (distilled, ctypes)." in found.text()
    assert found.text().count("All its code, as written: exception: import: no") == 1
    assert "Refused" not in page([row()]).text()


def test_sampled_answers_stand_behind_the_first() -> None:
    detail = row()
    for model in ("base", "distilled"):
        detail["answers"][model] += [answer(f"sample {number}", ended=False) for number in range(3)]
        detail["outcomes"][model] += [verdict("pass"), verdict("no_code"), verdict("pass")]
    text = page([detail]).text()
    assert text.count("3 sampled answers , 2 pass") + text.count("3 sampled answers, 2 pass") == 2
    assert text.count("cut off at the limit") == 6
    # The first answer is what counts as solved.
    assert "0/1 base 1/1 distilled" in text


def test_empty_answers_missing_parts_and_no_prompts() -> None:
    bare = row(texts=("", " \n", "x")) | {"likelihood": None, "style": None, "health": None}
    text = page([bare], {}, []).text()
    assert text.count("The answer is empty.") == 2
    assert "No difference found between the distilled student and its base." in text
    assert "Training" not in text
    assert "0 prompts" in page([], {}, []).text()


def test_a_curve_without_validation() -> None:
    html = render(rows(), headline(), curve()[:2], {}, FEATURES)
    assert 'class="line train"' in html
    assert 'class="line val"' not in html


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    arguments = tmp_path / "arguments.json"
    arguments.write_text(json.dumps([rows(), headline(), curve(), {}]))
    program = (
        "import json, sys; from distill.evaluate.report.page import render; "
        "from distill.evaluate.style.profiles import features; "
        "print(render(*json.load(open(sys.argv[1])), features('python')), end='')"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program, arguments],
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    assert outputs[0] == outputs[1] == render(rows(), headline(), curve(), {}, FEATURES).encode()


@pytest.mark.parametrize("size", [100_000])
def test_huge_lines_are_cut(size: int) -> None:
    html = render(
        [row(texts=("x" * size, "```python\n" + "y" * size + "\n```", "z"))], headline(), curve(), {}, FEATURES
    )
    assert len(html) < size
    assert len(re.findall("more characters are not shown", html)) == 2


def test_answers_that_were_not_scored_are_said_beside_the_table() -> None:
    details, figures = rows(), headline()
    details[0] |= {"likelihood": None, "unscored": "max_tokens"}
    figures["heldout"] |= {"unscored": {"max_tokens": 1}}
    page = render(details, figures, curve(), {}, FEATURES)
    assert "leave out 1 of the teacher’s 4 answers (max_tokens 1)." in page
    assert "leave out" not in render(rows(), headline(), curve(), {}, FEATURES)
    assert page.count('class="losses"') == 3


def test_what_the_prompts_can_show_stands_beside_the_table() -> None:
    nll = {"smallest": 0.0134}
    html = render(rows(), headline() | {"detectable": {"nll": nll, "pass_at_1": None}}, curve(), {}, FEATURES)
    assert "from chance. With these 4 prompts, a true change in loss of 0.013 is found" in html
