"""The style of an answer's Markdown, found by a CommonMark parser; other profiles take from it what they need."""

from collections.abc import Iterable, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from distill.evaluate.style.features import amount, share

FEATURES = {
    "code_share": share("Share of the answer that is code", "characters, white space aside, that stand in code blocks"),
    "lead_in": share("Explains before the code", "1 if the answer begins with a paragraph and has a fenced block"),
    "notes": share("Notes after the code", "1 if a paragraph of nothing but bold text is followed by a bullet list"),
    "words": amount("Words outside code", "words outside code blocks"),
    "headings": amount("Headings", "headings"),
    "bullets": amount("Bullet points", "items of bullet lists"),
    "numbered": amount("Numbered points", "items of numbered lists"),
    "bold": amount("Bold passages", "bold passages"),
}


def measure(answer: str) -> dict[str, float]:
    """Return the Markdown features of an answer."""
    return of_tokens(MarkdownIt("commonmark").parse(answer))


def of_tokens(tokens: Sequence[Token]) -> dict[str, float]:
    """Return the Markdown features of an answer that is parsed already."""
    prose = [token.content for token in tokens if token.type in ("inline", "html_block")]
    code = _solid(token.content for token in tokens if token.type in ("fence", "code_block"))
    items = [token.markup for token in tokens if token.type == "list_item_open"]
    leads = bool(tokens) and tokens[0].type == "paragraph_open" and any(token.type == "fence" for token in tokens)
    numbered = sum(markup in (".", ")") for markup in items)
    return {
        "code_share": code / total if (total := code + _solid(prose)) else 0.0,
        "lead_in": float(leads),
        "notes": float(_has_notes(tokens)),
        "words": float(sum(len(text.split()) for text in prose)),
        "headings": float(sum(token.type == "heading_open" for token in tokens)),
        "bullets": float(len(items) - numbered),
        "numbered": float(numbered),
        "bold": float(sum(child.type == "strong_open" for token in tokens for child in token.children or ())),
    }


def _solid(texts: Iterable[str]) -> int:
    return sum(len("".join(text.split())) for text in texts)


def _has_notes(tokens: Sequence[Token]) -> bool:
    """Look for the sequence: open paragraph, its text, close paragraph, open bullet list."""
    shape = ("paragraph_open", "inline", "paragraph_close", "bullet_list_open")
    return any(
        tuple(token.type for token in tokens[start : start + 4]) == shape and _is_label(tokens[start + 1])
        for start in range(len(tokens) - 3)
    )


def _is_label(inline: Token) -> bool:
    """Tell whether all of a paragraph's text is bold, a colon aside."""
    bold, outside = 0, ""
    for child in inline.children or ():
        bold += child.type == "strong_open"
        outside += child.content if child.level == 0 else ""
    return bold > 0 and not outside.strip(" :")
