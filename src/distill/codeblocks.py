"""The fenced code blocks of a Markdown answer, found by a CommonMark parser."""

import ast
from dataclasses import dataclass

from markdown_it import MarkdownIt

PYTHON = frozenset({"python", "py", "python3"})


@dataclass(frozen=True)
class Block:
    """A fenced block: its language (lower case, '' where none is given), its code, and whether its fence is closed."""

    language: str
    code: str
    closed: bool


def blocks(markdown: str) -> list[Block]:
    """Return the fenced blocks of an answer, in order, those inside lists and quotes included."""
    lines = markdown.splitlines()
    found = []
    for token in MarkdownIt("commonmark").parse(markdown):
        if token.type == "fence":
            words = token.info.split()
            found.append(Block(words[0].lower() if words else "", token.content, _is_closed(lines, token)))
    return found


def syntax_error(markdown: str) -> str | None:
    """Say what is broken in an answer's code: an open fence, or a Python block that does not parse; None if nothing.

    Code is parsed, never run. A block that shows a Python session (`>>>`) is not parsed.
    """
    for block in blocks(markdown):
        if not block.closed:
            return "a code fence is not closed"
        if block.language in PYTHON and not block.code.lstrip().startswith(">>>"):
            try:
                ast.parse(block.code)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                return f"a Python block does not parse: {getattr(error, 'msg', None) or error}"
    return None


def _is_closed(lines: list[str], token: object) -> bool:
    # The parser closes an open fence at the end of its container without a word, so look at the last line it took.
    start, end = token.map  # type: ignore[attr-defined]
    last = lines[end - 1].strip().lstrip("> ") if end - 1 > start else ""
    return len(last) >= len(token.markup) and set(last) == {token.markup[0]}  # type: ignore[attr-defined]
