"""How an answer is written, as numbers, and how far a student's way of writing is from its teacher's.

In: answers in Markdown. Out: a profile, one number for each key of `SHARES` and `AMOUNTS`; every answer has every
key. The Markdown features come from a CommonMark parser, the code features from `ast` and `tokenize`
(`distill.evaluate.style.python_code`). No text that a model can write makes this raise, and nothing of it is run.

A style says nothing about whether an answer is right: a wrong answer in the teacher's style has a distance near 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from markdown_it import MarkdownIt
from markdown_it.token import Token

from distill.common.errors import InputError
from distill.evaluate.style.python_code import features
from distill.shared.code_blocks import blocks

SHARES = {
    "parsed": "Python blocks that parse",
    "typed": "functions whose parameters and result all have type hints",
    "documented": "public functions and classes with a docstring",
    "args_section": "docstrings of functions with an `Args:` section",
    "returns_section": "docstrings of functions with a `Returns:` or `Yields:` section",
    "raises_section": "docstrings of functions with a `Raises:` section",
    "doctested": "docstrings with a doctest",
    "validated": "functions, tests aside, that raise in a branch of an `if` or `match`",
    "code_share": "characters, white space aside, that stand in code blocks",
    "lead_in": "1 if the answer begins with a paragraph and has a fenced block",
    "notes": "1 if a paragraph of nothing but bold text is followed by a bullet list",
}
"""Features from 0 to 1. A share of nothing is 0."""

AMOUNTS = {
    "exceptions": "exception classes defined",
    "tests": "test functions",
    "comments": "comments for each line of code",
    "words": "words outside code blocks",
    "headings": "headings",
    "bullets": "items of bullet lists",
    "numbered": "items of numbered lists",
    "bold": "bold passages",
}
"""Features from 0 up."""


@dataclass(frozen=True)
class Distance:
    """Style distances, each from 0 (the same) to 1: over all, for each prompt, and for each feature."""

    overall: float
    per_prompt: tuple[float, ...]
    per_feature: dict[str, float]


def profile(answer: str) -> dict[str, float]:
    """Return the style profile of an answer: a number for each key of `SHARES` and `AMOUNTS`, in that order."""
    tokens = MarkdownIt("commonmark").parse(answer)
    found = features(blocks(answer)) | _markdown_features(tokens)
    return {name: found[name] for name in (*SHARES, *AMOUNTS)}


def distance(model: Sequence[Mapping[str, float]], teacher: Sequence[Mapping[str, float]]) -> Distance:
    """Return how far a model's profiles are from the teacher's profiles of the same prompts.

    Two answers differ in a share by |m - t|, and in an amount by |m - t| / max(m, t), or 0 if both are 0; both lie
    from 0 to 1. A prompt's distance is the mean over all features, each counting the same. The overall distance is
    the mean over prompts, so `per_prompt` can go into a paired bootstrap as it is. The teacher's distance is 0.

    Raises:
        InputError: There are no profiles, or not as many of one as of the other.
    """
    if len(model) != len(teacher) or not model:
        raise InputError(f"style distance: {len(model)} profiles of the model and {len(teacher)} of the teacher; "
                         "as many of each are needed, and at least one")  # fmt: skip
    rows = [_differences(mine, theirs) for mine, theirs in zip(model, teacher, strict=True)]
    per_prompt = tuple(fmean(row.values()) for row in rows)
    return Distance(fmean(per_prompt), per_prompt, average(rows))


def average(profiles: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each feature over (at least one) profiles."""
    return {name: fmean(profile[name] for profile in profiles) for name in profiles[0]}


def _differences(mine: Mapping[str, float], theirs: Mapping[str, float]) -> dict[str, float]:
    shares = {name: abs(mine[name] - theirs[name]) for name in SHARES}
    amounts = {name: abs(mine[name] - theirs[name]) / (max(mine[name], theirs[name]) or 1) for name in AMOUNTS}
    return shares | amounts


def _markdown_features(tokens: Sequence[Token]) -> dict[str, float]:
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
