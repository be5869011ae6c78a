"""The style of prose in any language: words, sentences, paragraphs, lists, tables, how it begins and how it ends.

Everything is told by form, nothing by a list of words, so a salutation in Finnish counts as one in English does. The
price: an abbreviation's full stop ends a sentence, and an opening cry (`Sure!`) is a greeting.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import dropwhile, pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from distill.evaluate.style import markdown
from distill.evaluate.style.features import amount, share

FEW = 6
"""Words that a greeting or closing line has at most."""

FEATURES = {
    "greeting": share(
        "Begins with a greeting", f"1 if the first line that is no code has at most {FEW} words and ends in , or !"
    ),
    "closing": share("Ends with a closing line", f"1 if the last line has at most {FEW} words and is no sentence"),
    "questions": share("Sentences that ask", "sentences that end in a question mark"),
    "code_share": markdown.FEATURES["code_share"],
    "words": amount("Words", "words outside code blocks; each Han character or kana is one"),
    "sentences": amount("Sentences", "sentences in paragraphs and list items"),
    "paragraphs": amount("Paragraphs", "paragraphs, those of lists and quotes aside"),
    "headings": markdown.FEATURES["headings"],
    "bullets": markdown.FEATURES["bullets"],
    "numbered": markdown.FEATURES["numbered"],
    "tables": amount("Tables", "tables"),
    "bold": markdown.FEATURES["bold"],
}

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # written without spaces between words
WORD = re.compile(rf"[{CJK}]|[^\W{CJK}]+(?:['’-][^\W{CJK}]+)*")
WIDE_STOP = re.compile("[。！？]")
ASKS = ("?", "？", "؟")
STOPS = (*ASKS, ".", "!", "…", "。", "！", "।")
CLOSERS = "\"'”’»)]」』）"
"""What may stand behind the mark that ends a sentence."""


def measure(answer: str) -> dict[str, float]:
    """Return the features of an answer."""
    tokens = MarkdownIt("commonmark").enable("table").parse(answer)
    ends = [end for text in _paragraphs(tokens) for end in _sentence_ends(text)]
    asking = sum(end.endswith(ASKS) for end in ends)
    return markdown.of_tokens(tokens) | {
        "greeting": float(_greets(tokens)),
        "closing": float(_closes(tokens)),
        "questions": asking / len(ends) if ends else 0.0,
        "words": float(sum(_count(_plain(token)) for token in tokens)),
        "sentences": float(len(ends)),
        "paragraphs": float(sum(token.type == "paragraph_open" and token.level == 0 for token in tokens)),
        "tables": float(sum(token.type == "table_open" for token in tokens)),
    }


def _plain(token: Token) -> str:
    """Return the text of an inline token without its markup; '' of other tokens."""
    children = [child for child in token.children or () if child.type != "html_inline"]
    return "".join("\n" if child.type.endswith("break") else child.content for child in children)


def _count(text: str) -> int:
    return sum(1 for _ in WORD.finditer(text))


def _paragraphs(tokens: Sequence[Token]) -> Iterator[str]:
    for before, token in pairwise(tokens):
        if before.type == "paragraph_open":
            yield _plain(token)


def _sentence_ends(paragraph: str) -> Iterator[str]:
    """Yield the last word of each sentence with its mark, as `it?`; the last sentence needs none."""
    words = [word.rstrip(CLOSERS) for word in WIDE_STOP.sub(r"\g<0> ", paragraph).split()]
    for place, word in enumerate(words, start=1):
        if word.endswith(STOPS) or place == len(words):
            yield word


def _greets(tokens: Sequence[Token]) -> bool:
    """Whether the first line, behind code that the answer may begin with, is short and ends as a salutation does."""
    tokens = list(dropwhile(lambda token: token.type in ("fence", "code_block"), tokens))
    if len(tokens) < 2 or tokens[0].type != "paragraph_open":
        return False
    line, *rest = _plain(tokens[1]).split("\n")
    return bool(rest or tokens[3:]) and 1 <= _count(line) <= FEW and line.rstrip().endswith((",", "!", "，", "！"))


def _closes(tokens: Sequence[Token]) -> bool:
    """Whether the last line is short, and ends neither a statement nor a question, nor announces something."""
    if len(tokens) < 2 or tokens[-1].type != "paragraph_close" or tokens[-1].level != 0:
        return False
    *rest, line = _plain(tokens[-2]).split("\n")
    ended = line.rstrip().rstrip(CLOSERS).endswith((*ASKS, ".", "…", "。", "।", ":", "："))
    return bool(rest or tokens[:-3]) and 1 <= _count(line) <= FEW and not ended
