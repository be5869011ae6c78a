"""Two answers as HTML with their differences marked: lines first, and within changed lines the words.

In: two texts by models. Out: both as escaped HTML; what only the first has is in <del>, what only the second has in
<ins>. Hidden characters are shown, and long answers are cut, as in the report.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby

from markupsafe import Markup, escape

from distill.evaluate.report.answer_html import LIMIT, visible

WORDS = re.compile(r"\w+|\s+|[^\w\s]")
FEW = 3
"""Between two changed passages, fewer common words than this are marked as well: marks on every second word are no
help."""
Side = list[tuple[str, bool]]
"""Pieces of a text, and whether the other text lacks them."""


def marked(a: str, b: str) -> tuple[Markup, Markup]:
    """Return both texts as <pre>, with the differences marked."""
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
    blocks = list(_blocks(WORDS.findall(a), WORDS.findall(b)))
    kept = [
        same and (place in (0, len(blocks) - 1) or _count(old) >= FEW) for place, (old, _, same) in enumerate(blocks)
    ]
    one = [("".join(old), not keep) for (old, _, _), keep in zip(blocks, kept, strict=True)]
    two = [("".join(new), not keep) for (_, new, _), keep in zip(blocks, kept, strict=True)]
    return one, two


def _count(words: Sequence[str]) -> int:
    return sum(not word.isspace() for word in words)


def _html(pieces: Side, tag: str, size: int) -> Markup:
    runs = [(differs, "".join(text for text, _ in run)) for differs, run in groupby(pieces, key=lambda piece: piece[1])]
    shown = Markup("").join(
        Markup("<{0}>{1}</{0}>").format(tag, text) if differs and text else escape(text) for differs, text in runs
    )
    cut = Markup('<p class="cut">… {:,} more characters are not shown.</p>').format(size - LIMIT)
    # A parser drops one line break after <pre>.
    return Markup('<pre class="diff">\n{}</pre>{}').format(shown, cut if size > LIMIT else "")
