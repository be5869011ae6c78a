"""The style of SQL in any dialect: capitals, lines, semicolons, aliases, joins, subqueries, comments.

Code is cut into tokens, not parsed, so every dialect counts, and broken code as well. SQL is what stands in blocks that
say so, or say nothing and begin with a statement's first word; or the answer itself, if it has no block and does so.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from distill.evaluate.style import markdown
from distill.evaluate.style.features import amount, share
from distill.shared.code_blocks import SQL, blocks

FEATURES = {
    "upper_keywords": share("Keywords in capitals", "keywords that are written in capitals"),
    "own_lines": share("Clauses on their own lines", "`FROM`, `WHERE`, `GROUP`, `ORDER` … that begin a line"),
    "terminated": share("Statements with a semicolon", "statements that end in a semicolon"),
    "qualified": share("Names with their table", "names behind a dot, functions and what is before a dot aside"),
    "all_columns": share("SELECT *", "`SELECT`s whose first column is `*`"),
    "code_share": markdown.FEATURES["code_share"],
    "lead_in": markdown.FEATURES["lead_in"],
    "notes": markdown.FEATURES["notes"],
    "statements": amount("Statements", "statements"),
    "joins": amount("Joins", "`JOIN`s"),
    "subqueries": amount("Queries in parentheses", "`SELECT`s behind a parenthesis: subqueries and those of `WITH`"),
    "aliases": amount("Uses of AS", "`AS`"),
    "comments": amount("Comments a line of code", "comments for each line of code"),
    "words": markdown.FEATURES["words"],
    "headings": markdown.FEATURES["headings"],
    "bullets": markdown.FEATURES["bullets"],
    "numbered": markdown.FEATURES["numbered"],
    "bold": markdown.FEATURES["bold"],
}

BEGIN = "SELECT WITH INSERT UPDATE DELETE CREATE ALTER DROP MERGE REPLACE EXPLAIN PRAGMA VALUES BEGIN"
CLAUSE = "FROM WHERE GROUP HAVING ORDER LIMIT"
OTHER = """ALL AND ANY AS ASC BETWEEN BY CASE CHECK COMMIT CONSTRAINT CROSS DEFAULT DESC DISTINCT ELSE END EXCEPT EXISTS
    FOREIGN FULL IF IN INDEX INNER INTERSECT INTO IS JOIN KEY LEFT LIKE NATURAL NOT NULL OFFSET ON OR OUTER OVER
    PARTITION PRIMARY RECURSIVE REFERENCES RETURNING RIGHT SET TABLE THEN UNION UNIQUE USING VIEW WHEN"""
FIRST, CLAUSES = frozenset(BEGIN.split()), frozenset(CLAUSE.split())
KEYWORDS = FIRST | CLAUSES | frozenset(OTHER.split())
TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<text>'[^']*'?)|(?P<name>"[^"]*"?|`[^`]*`?|\[[^\]]*\]?)"""
    r"""|(?P<number>\d[\w.]*)|(?P<word>[^\W\d]\w*)|(?P<space>\s+)|(?P<mark>.)""",
    re.DOTALL,
)
"""Every character is part of a token, and no alternative can fail after it began: one pass, however broken the code."""


@dataclass(frozen=True)
class Part:
    """A token that is no white space: its kind, its text (a keyword's in capitals), its lines, if it begins one."""

    kind: str
    text: str
    written: str
    lines: range
    begins: bool


def measure(answer: str) -> dict[str, float]:
    """Return the features of an answer."""
    parts = [list(_parts(code)) for code in _codes(answer)]
    code = [[part for part in each if part.kind != "comment"] for each in parts]
    pairs = [pair for each in code for pair in pairwise([*each, NOTHING])]
    flat = [part for each in code for part in each]
    keywords = [part for part in flat if part.kind == "keyword"]
    selects = [after.text == "*" for part, after in pairs if part.text == "SELECT"]
    ended = [statement[-1].text == ";" for each in code for statement in _statements(each)]
    comments = sum(part.kind == "comment" for each in parts for part in each)
    lines = sum(len({line for part in each for line in part.lines}) for each in code)
    return markdown.measure(answer) | {
        "upper_keywords": _share([part.written.isupper() for part in keywords]),
        "own_lines": _share([part.begins for part in keywords if part.text in CLAUSES]),
        "terminated": _share(ended),
        "qualified": _share([flag for each in code for flag in _qualified(each)]),
        "all_columns": _share(selects),
        "statements": float(len(ended)),
        "joins": float(sum(part.text == "JOIN" for part in keywords)),
        "subqueries": float(sum(part.text == "(" and after.text == "SELECT" for part, after in pairs)),
        "aliases": float(sum(part.text == "AS" for part in keywords)),
        "comments": comments / lines if lines else 0.0,
    }


def _codes(answer: str) -> list[str]:
    fenced = blocks(answer)
    if not fenced:
        prose = answer.rstrip().endswith((".", "!", "?", ":"))
        return [] if prose or not _begins_statement(answer) else [answer]
    return [
        block.code
        for block in fenced
        if block.language in SQL or (not block.language and _begins_statement(block.code))
    ]


def _begins_statement(code: str) -> bool:
    first = next((part for part in _parts(code) if part.kind != "comment"), NOTHING)
    return first.text in FIRST


def _parts(code: str) -> Iterator[Part]:
    line, begins = 0, True
    for found in TOKEN.finditer(code):
        kind, written = str(found.lastgroup), found[0]
        last = line + written.count("\n")
        if kind != "space":
            upper = written.upper() if kind == "word" else written
            keyword = kind == "word" and upper in KEYWORDS
            yield Part(
                "keyword" if keyword else kind, upper if keyword else written, written, range(line, last + 1), begins
            )
        begins = last > line or (begins and kind == "space")
        line = last


NOTHING = Part("end", "", "", range(0), False)


def _statements(code: Sequence[Part]) -> Iterator[list[Part]]:
    """Yield what stands between semicolons, each with its own; semicolons alone are no statements."""
    statement: list[Part] = []
    for part in code:
        statement.append(part)
        if part.text == ";":
            yield from [statement] if len(statement) > 1 else []
            statement = []
    if statement:
        yield statement


def _qualified(code: Sequence[Part]) -> Iterator[bool]:
    """Yield for each name that is no function's and stands before no dot whether it stands behind one."""
    for before, part, after in zip([NOTHING, *code], code, [*code[1:], NOTHING], strict=False):
        if part.kind in ("word", "name") and after.text not in (".", "("):
            yield before.text == "."


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0
