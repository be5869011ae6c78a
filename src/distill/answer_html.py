"""A model's answer as HTML that can only be looked at.

In goes Markdown that somebody else's model wrote; out comes HTML made of a fixed set of tags (paragraphs, lists,
emphasis, tables of code), with every character of the answer escaped. Raw HTML, links, images and entities of the
answer are shown as the text they are; characters that are invisible or turn text around are shown as their code point.
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

# Only these are highlighted: a lexer's regular expressions run on hostile text, and few lexers are made for that.
LANGUAGES = {name: name for name in ("python", "bash", "sql", "json", "yaml", "toml", "pycon")} | {
    "py": "python", "python3": "python", "sh": "bash", "shell": "bash", "console": "bash", "yml": "yaml",
}  # fmt: skip

# What could leave the fixed set of tags, or hide characters from `visible`.
DISABLED = ("link", "image", "autolink", "reference", "html_inline", "html_block", "entity")


def visible(text: str) -> str:
    """Return `text` with control, format and surrogate characters as ⟦U+202E⟧; tabs and line ends stay."""
    text = text.replace("\r\n", "\n")
    for character in sorted(set(text)):
        if character not in "\t\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            text = text.replace(character, f"⟦U+{ord(character):04X}⟧")
    return text


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
