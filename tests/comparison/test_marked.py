"""marked: what differs between two texts is marked, and nothing of them is lost or runs."""

import html
import re
import time

import pytest

from distill.comparison.marked import marked


def plain(markup: str) -> str:
    """The text that a browser shows of it."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup.removeprefix('<pre class="diff">\n')))


def test_words_are_marked_within_changed_lines() -> None:
    a, b = marked("def f(x: int):\n    return x\n", "def f(x: float):\n    return x\n")
    assert a == '<pre class="diff">\ndef f(x: <del>int</del>):\n    return x\n</pre>'
    assert b == '<pre class="diff">\ndef f(x: <ins>float</ins>):\n    return x\n</pre>'


def test_added_and_removed_lines_are_marked_whole() -> None:
    a, b = marked("one\ntwo\n", "one\nnew\nother\ntwo\n")
    assert (a, b) == (
        '<pre class="diff">\none\ntwo\n</pre>', '<pre class="diff">\none\n<ins>new\nother\n</ins>two\n</pre>'
    )  # fmt: skip


def test_few_words_in_the_midst_are_marked_along() -> None:
    a, b = marked("the quick brown fox\n", "a lazy old dog sleeps\n")
    assert a == '<pre class="diff">\n<del>the quick brown fox</del>\n</pre>'
    assert b == '<pre class="diff">\n<ins>a lazy old dog sleeps</ins>\n</pre>'
    a, _ = marked("def old(a, b, c): return a + b\n", "def new(a, b, c): yield a - b\n")
    assert a == '<pre class="diff">\ndef <del>old</del>(a, b, c): <del>return a +</del> b\n</pre>'


def test_equal_and_empty_texts() -> None:
    assert "<del>" not in "".join(marked("same\n", "same\n"))
    assert marked("", "new") == ('<pre class="diff">\n</pre>', '<pre class="diff">\n<ins>new</ins></pre>')


@pytest.mark.parametrize("text", ["<script>x</script>", '"><img src=x>', "</pre></del>&amp;", "\n\nlate"])
def test_texts_are_escaped_and_whole(text: str) -> None:
    for one in marked(text, f"{text} and more"):
        assert not re.search(r"<(?!/?(?:pre|del|ins)\b)", one)
        assert plain(one).startswith(text)


def test_hidden_characters_are_shown_and_long_texts_cut() -> None:
    a, b = marked("a\u202eb", "x" * 30_000)
    assert "a⟦U+202E⟧b" in a
    assert "10,000 more characters are not shown." in b


@pytest.mark.parametrize("piece", ["\n", "x ", "x\n", "ab\nba "])
def test_hostile_repetition_takes_no_longer(piece: str) -> None:
    started = time.process_time()
    marked(piece * 10_000, "y" + piece[::-1] * 10_000)
    assert time.process_time() - started < 5
