"""A model's answer as HTML that can only be looked at.

In: Markdown that a model wrote. Out: HTML of a fixed set of tags (paragraphs, lists, emphasis, code), with every
character of the answer escaped. Raw HTML, links, images and entities are shown as the text they are. Characters that
are invisible or reverse the direction of text are shown as their code points, except those that an emoji is made of.
"""

import functools
import unicodedata
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape
from pygments import highlight as pygments_highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

LIMIT = 20_000
"""Characters of an answer that are shown."""

# Only these are highlighted: a lexer's regular expressions run on hostile text, and few lexers are made for that (those
# of TypeScript and Java take 4 s for 20,000 characters of `a.` and `x fn `, that of SQL 0.04 s for the worst found).
LANGUAGES = {name: name for name in ("python", "bash", "sql", "json", "yaml", "toml", "pycon")} | {
    "py": "python", "python3": "python", "sh": "bash", "shell": "bash", "console": "bash", "yml": "yaml",
    "sqlite": "sql", "sqlite3": "sql", "postgresql": "sql", "postgres": "sql", "mysql": "sql", "jsonc": "json",
}  # fmt: skip

# What could leave the fixed set of tags, or hide characters from `visible`.
DISABLED = ("link", "image", "autolink", "reference", "html_inline", "html_block", "entity")


# The property Default_Ignorable_Code_Point of DerivedCoreProperties.txt (Unicode 14.0), as far as a character's general
# category does not say it (`Cf`): what is drawn as nothing at all, reserved code points among them.
IGNORABLE = (
    range(0x034F, 0x0350),  # combining grapheme joiner
    range(0x115F, 0x1161),  # Hangul fillers
    range(0x17B4, 0x17B6),  # Khmer inherent vowels
    range(0x180B, 0x1810),  # Mongolian variation selectors
    range(0x2065, 0x2066),
    range(0x3164, 0x3165),  # Hangul filler
    range(0xFE00, 0xFE10),  # variation selectors
    range(0xFFA0, 0xFFA1),  # halfwidth Hangul filler
    range(0xFFF0, 0xFFF9),
    range(0xE0000, 0xE1000),  # tags and more variation selectors
)
BLANK = "\u2800\U0001d159"  # drawn as a blank, though they are symbols: an empty Braille pattern, a null notehead

# What emoji are made of, beside symbols (UTS #51).
SELECTORS = "\ufe0e\ufe0f"  # text, emoji
JOINER = "\u200d"
KEYS, KEYCAP = tuple("0123456789#*"), "\u20e3"
PUNCTUATION = ("\u203c", "\u2049", "\u3030")  # double exclamation mark, interrobang, wavy dash
SKIN_TONES = tuple(map(chr, range(0x1F3FB, 0x1F400)))


def visible(text: str) -> str:
    """Return `text` with control, format, blank and surrogate characters as ⟦U+202E⟧; tabs and line ends stay."""
    text = text.replace("\r\n", "\n")
    hidden = set(filter(_is_hidden, set(text)))
    if not hidden:
        return text
    return "".join(
        f"⟦U+{ord(character):04X}⟧" if character in hidden and not _is_in_emoji(text, place) else character
        for place, character in enumerate(text)
    )


def _is_hidden(character: str) -> bool:
    if character in "\t\n":
        return False
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return hidden or character in BLANK or any(ord(character) in codes for codes in IGNORABLE)


def _is_in_emoji(text: str, place: int) -> bool:
    """Whether the hidden character at `place` does what it is for: it picks a symbol's look, or joins two symbols."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if text[place] in SELECTORS:
        return _is_symbol(before) or (before in KEYS and after == KEYCAP)
    if text[place] == JOINER:
        return (_is_symbol(before) or before in (SELECTORS[1], *SKIN_TONES)) and _is_symbol(after)
    return False


def _is_symbol(character: str) -> bool:
    if not character or character.isascii() or _is_hidden(character):
        return False
    return unicodedata.category(character) in ("So", "Sm") or character in PUNCTUATION


def answer_html(text: str) -> Markup:
    """Return an answer in Markdown as HTML; beyond LIMIT characters it is cut, and says so."""
    shown = visible(text[:LIMIT])
    html = _parser().render(shown)
    if len(text) > LIMIT:
        html += f'<p class="cut">… {len(text) - LIMIT:,} more characters are not shown.</p>'
    return Markup(html)  # noqa: S704 (every rule of the parser that passes text through is disabled)


@functools.cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "highlight": _highlight}).disable(DISABLED)
    parser.add_render_rule("heading_open", _heading_open)
    parser.add_render_rule("heading_close", _heading_close)
    return parser


def _heading_open(self: RendererHTML, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
    # An answer's headings are not headings of the page.
    return '<p class="heading">'


def _heading_close(self: RendererHTML, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
    return "</p>\n"


def _highlight(code: str, language: str, attributes: str) -> str:
    """Return a fenced block; the parser takes what starts with <pre as it is."""
    name = LANGUAGES.get(language.lower())
    if name is None:
        return f"<pre><code>{escape(code)}</code></pre>"
    formatter: HtmlFormatter[str] = HtmlFormatter(nowrap=True)
    return f"<pre><code>{pygments_highlight(code, get_lexer_by_name(name), formatter)}</code></pre>"
