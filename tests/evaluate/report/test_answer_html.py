"""Answers as HTML: every character is escaped, nothing can run, and nothing hides."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.evaluate.report.answer_html import LIMIT, answer_html, visible

TAGS = {"p", "em", "strong", "code", "pre", "span", "ul", "ol", "li", "blockquote", "hr", "br"}
PIECES = ("<script>", "</script>", "<img src=x onerror=a>", "](javascript:a)", "![", "[x]", "[x]: javascript:a",
          "&#60;", "```", "```python\n", "\n", "\n\n", "    ", "> ", "- ", "1. ", "# ", "*", "_", "`", "<!--", "-->",
          "<a@b.c>", "<https://e.x>", "\\", "\"'", "&lt;", "<![CDATA[", "<?x", "\u202e", "\0", "\r", "---", "a",
          "</code></pre>")  # fmt: skip


class Tags(HTMLParser):
    """The tags and attributes of some HTML, as a browser's parser sees them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def test_markdown_and_code_are_shown() -> None:
    html = answer_html("# Idea\n\nUse *min*.\n\n```python\ndef f(): pass\n```\n")
    assert '<p class="heading">Idea</p>' in html
    assert "<p>Use <em>min</em>.</p>" in html
    assert '<span class="k">def</span><span class="w"> </span><span class="nf">f</span>' in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a <b onclick=x>b</b>", "a &lt;b onclick=x&gt;b&lt;/b&gt;"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("![x](https://example.com/a.png)", "![x](https://example.com/a.png)"),
        ("<https://example.com>", "&lt;https://example.com&gt;"),
        ("[x]\n\n[x]: javascript:a", "[x]: javascript:a"),
        ("&#x202E;&lt;b&gt;", "&amp;#x202E;&amp;lt;b&amp;gt;"),
        ("```\n</code><img onerror=a>\n```", "<pre><code>&lt;/code&gt;&lt;img onerror=a&gt;\n</code></pre>"),
        ('```"><script>a</script>\nx\n```', "<pre><code>x\n</code></pre>"),
    ],
)
def test_html_and_links_are_text(text: str, shown: str) -> None:
    assert shown in answer_html(text)


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_only_plain_tags_come_out(text: str) -> None:
    for tag, attributes in Tags(answer_html(text)).found:
        assert tag in TAGS
        assert {name for name, _ in attributes} <= {"class", "start"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a⟦U+202E⟧b"),
        ("\0", "⟦U+0000⟧"),
        ("a\u200bb\ufeff", "a⟦U+200B⟧b⟦U+FEFF⟧"),
        ("\x1b[31m", "⟦U+001B⟧[31m"),
        ("\ud800", "⟦U+D800⟧"),
        ("one\r\ntwo\tthree\n", "one\ntwo\tthree\n"),
        ("naïve – 世界 🙂", "naïve – 世界 🙂"),
        ("a\u3164b\u115f\u1160\uffa0", "a⟦U+3164⟧b⟦U+115F⟧⟦U+1160⟧⟦U+FFA0⟧"),
        ("\u2800\U0001d159", "⟦U+2800⟧⟦U+1D159⟧"),
        ("x\u034fy\u17b4\u180b\u180f\u2065\ufff0", "x⟦U+034F⟧y⟦U+17B4⟧⟦U+180B⟧⟦U+180F⟧⟦U+2065⟧⟦U+FFF0⟧"),
        ("a\ufe0f\ufe00\U000e0100\U000e0041", "a⟦U+FE0F⟧⟦U+FE00⟧⟦U+E0100⟧⟦U+E0041⟧"),
        # Emoji as people write them: presentation, keycaps, skin tones, joined ones.
        ("❤\ufe0f ✔\ufe0e ‼\ufe0f ↔\ufe0f 1\ufe0f\u20e3", "❤\ufe0f ✔\ufe0e ‼\ufe0f ↔\ufe0f 1\ufe0f\u20e3"),
        ("👩\u200d💻 🏳\ufe0f\u200d🌈 👍🏽\u200d♂", "👩\u200d💻 🏳\ufe0f\u200d🌈 👍🏽\u200d♂"),
        # And what looks like them.
        ("❤\ufe0f\ufe0f", "❤\ufe0f⟦U+FE0F⟧"),
        ("1\ufe0f2 <\ufe0f", "1⟦U+FE0F⟧2 <⟦U+FE0F⟧"),
        ("\ufe0f\u2800\ufe0f", "⟦U+FE0F⟧⟦U+2800⟧⟦U+FE0F⟧"),
        ("👩\u200d\u200d💻 a\u200d💻", "👩⟦U+200D⟧⟦U+200D⟧💻 a⟦U+200D⟧💻"),
    ],
)
def test_hidden_characters_are_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_long_answers_are_cut_and_say_so() -> None:
    html = answer_html("x" * (LIMIT + 1234))
    assert html.count("x") == LIMIT
    assert "1,234 more characters are not shown" in html


@pytest.mark.parametrize("language", ["sql", "sqlite", "postgresql"])
def test_code_is_coloured_by_the_language_of_its_fence(language: str) -> None:
    assert '<span class="k">SELECT</span>' in answer_html(f"```{language}\nSELECT 1;\n```")
    assert "<span" not in answer_html("```cobol\nSELECT 1;\n```")


@pytest.mark.parametrize("piece", ["(", "[", "*a", "> ", "`", "- ", "```python\n" + "(", "```bash\n$(", "'''\\", "_*"])
def test_repeated_openers_take_no_time(piece: str) -> None:
    started = time.process_time()
    answer_html(piece * 20_000)
    assert time.process_time() - started < 5
