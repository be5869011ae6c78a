"""The fenced code blocks of a Markdown answer, found by a CommonMark parser."""

import ast
import re
import warnings
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt

PYTHON = frozenset({"python"})
"""The languages, as `language` gives them, of blocks that are Python programs."""
SQL = frozenset({"sql", "sqlite", "sqlite3", "postgresql", "postgres", "psql", "mysql", "tsql", "plsql", "bigquery"})
"""Of blocks of SQL, in whatever dialect."""
JSON = frozenset({"json", "jsonc", "json5"})

_MARKDOWN = MarkdownIt("commonmark").disable("inline")  # a fence is never within a paragraph
_PYTHON = re.compile(r"i?python3?|py3?|(?:python|py)3\.\d+(?:\.\d+)?")
_BEFORE = re.compile(r"\{(?:code|code-block|code-cell|sourcecode)\}|\{\s*#[\w:-]+\s")  # a directive, an identifier
_END = re.compile(r"[\r\n]|\Z")
_WORD = re.compile(r"[\w+.-]+(?:#(?!\w))?")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language (see `language`), its code, and whether its fence is closed."""

    language: str
    code: str
    closed: bool


def blocks(markdown: str) -> list[Block]:
    """Return the fenced blocks of an answer, in order, those inside lists and quotes included.

    Lines end where CommonMark ends them: at a line feed, a carriage return, or both. A form feed, a vertical tab or
    U+2028 does not end a line. The returned code has line feeds only.
    """
    # `_is_closed` counts line feeds, so the last line needs one too.
    ended = markdown if markdown.endswith(("\n", "\r")) else f"{markdown}\n"
    tokens = (token for token in _MARKDOWN.parse(ended) if token.type == "fence")
    return [Block(language(token.info), token.content, _is_closed(token)) for token in tokens]


def language(info: str) -> str:
    """Return the language that the info string of a fence names, in lower case; '' if it names none.

    All names of Python 3 become `python`: `py`, `Python3`, `python3.11`, `ipython`, `python:clamp.py`,
    `python,linenos`, `python title="x"`, `python{1,3}`, `{.python .numberLines}`, `{python, echo=FALSE}`,
    `{code-cell} ipython3` and the name of a file alone, `clamp.py`. Python 2 and the consoles (`pycon`, `python-repl`,
    `ipythonconsole`) are languages of their own.
    """
    info = _BEFORE.sub("", info.strip().lower(), count=1).lstrip(" \t{.=")
    found = _WORD.match(info)
    word = found.group().rstrip(".-") if found else ""
    return "python" if _PYTHON.fullmatch(word) or _names_a_file(info) else word


def is_session(code: str) -> bool:
    """Tell whether a block shows an interactive session (`>>>`) rather than a program."""
    return code.lstrip().startswith(">>>")


def syntax_error(markdown: str) -> str | None:
    """Return what is broken in an answer's code, an open fence or a Python block that does not parse, or None.

    Code is parsed, never run. A block that shows a Python session (`>>>`) is not parsed.
    """
    for block in blocks(_up_to_last_fence(markdown)):
        if not block.closed:
            return "a code fence is not closed"
        if block.language in PYTHON and not is_session(block.code):
            try:
                parsed(block.code)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                return f"a Python block does not parse: {getattr(error, 'msg', None) or error}"
    return None


def _up_to_last_fence(markdown: str) -> str:
    """Cut off the lines in which no fence can begin or end; what a line is depends on those before it alone."""
    last = max(markdown.rfind("```"), markdown.rfind("~~~"))
    return markdown[: _END.search(markdown, last).end()] if last >= 0 else ""  # type: ignore[union-attr]


def parsed(code: str) -> ast.Module:
    """Parse a model's code, without Python's warnings about questionable code such as an invalid escape.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: It is not Python, or too deep for the parser.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


def _names_a_file(info: str) -> bool:
    words = info.split()
    return bool(words) and re.fullmatch(r"[\w./-]+\.py", words[0]) is not None


def _is_closed(token: Any) -> bool:
    # The parser silently closes an open fence at the end of its container. So count its lines: the opening fence, the
    # content, and one more if there is a closing fence.
    start, end = token.map
    return bool(end - start == token.content.count("\n") + 2)
