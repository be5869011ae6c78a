"""Two answers as HTML with their differences marked: lines first, and within changed lines the words.

In go two texts of models; out come escaped texts in which what only the first has stands in <del>, and what only the
second has in <ins>. Hidden characters are shown, and long answers cut, as in the report.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from markupsafe import Markup, escape

from distill.evaluate.report.answer_html import LIMIT, visible

WORDS = re.compile(r"\w+|\s+|[^\w\s]")
ALIKE = 0.4
"""Lines with less than this share of their words in common are marked whole: marks on every second word say nothing."""
Side = list[tuple[str, bool]]
"""Pieces of a text, and whether the other text has them not."""


def marked(a: str, b: str) -> tuple[Markup, Markup]:
    """Return both texts as <pre>, with what differs marked."""
    lines = [visible(text[:LIMIT]).splitlines(keepends=True) for text in (a, b)]
    one: Side = []
    two: Side = []
    for old, new, same in _blocks(*lines):
        left, right = ([("".join(old), False)], [("".join(new), False)]) if same else _words("".join(old), "".join(new))
        one += left
        two += right
    return _html(one, "del", len(a)), _html(two, "ins", len(b))


def _blocks(a: Sequence[str], b: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str], bool]]:
    for kind, start_a, end_a, start_b, end_b in SequenceMatcher(None, a, b).get_opcodes():
        yield a[start_a:end_a], b[start_b:end_b], kind == "equal"


def _words(a: str, b: str) -> tuple[Side, Side]:
    one, two = WORDS.findall(a), WORDS.findall(b)
    solid = [[word for word in words if not word.isspace()] for words in (one, two)]
    if not a or not b or SequenceMatcher(None, solid[0], solid[1]).ratio() < ALIKE:
        return [(a, True)], [(b, True)]
    blocks = list(_blocks(one, two))
    return [("".join(x), not same) for x, _, same in blocks], [("".join(y), not same) for _, y, same in blocks]


def _html(pieces: Side, tag: str, size: int) -> Markup:
    shown = Markup("").join(
        Markup("<{0}>{1}</{0}>").format(tag, escape(text)) if differs else escape(text)
        for text, differs in pieces
        if text
    )
    cut = Markup('<p class="cut">… {:,} more characters are not shown.</p>').format(size - LIMIT)
    # A parser drops one line break behind <pre>.
    return Markup('<pre class="diff">\n{}</pre>{}').format(shown, cut if size > LIMIT else "")
