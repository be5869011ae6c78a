"""Print what the reference corpus consists of, as a short table (``make stats``).

Why: the numbers in the documentation and the sanity of the corpus (lengths, share of typed, documented and tested
code) should come from the files themselves.

How: one row per group of prompts and one for each split; lengths are in tokens of the student's tokenizer, shares
are taken over answers with python code, by their syntax trees.

Usage: ``make stats``
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median

from check_corpus import Corpus, Entry, count_tokens, defines_tests, extract_blocks, lay_out, python_nodes

COLUMNS = "{:<18} {:>7} {:>7}   {:<23} {:<23} {:>6} {:>6} {:>6}"
HEADINGS = ("group", "prompts", "answers", "prompt tokens", "answer tokens", "typed", "docs", "tests")


@dataclass(frozen=True)
class Features:
    """What the code of one answer has."""

    typed: bool
    documented: bool
    tested: bool


def features(text: str) -> Features | None:
    """Look at an answer's python code; None when there is none with a function or class."""
    nodes = python_nodes(text)
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    documents = [ast.get_docstring(node) for node in nodes if isinstance(node, ast.ClassDef)]
    documents += [ast.get_docstring(node) for node in functions]
    if not documents:
        return None
    typed = bool(functions) and sum(is_typed(node) for node in functions) >= 0.9 * len(functions)
    tested = any(defines_tests(code) for code in lay_out(extract_blocks(text)).values())
    return Features(typed, any(documents), tested)


def is_typed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether the result and every argument but self and cls have an annotation."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    bare = [one for one in arguments if one.annotation is None and one.arg not in ("self", "cls")]
    return function.returns is not None and not bare


def spread(lengths: Sequence[int]) -> str:
    """Return minimum, median, mean and maximum."""
    if not lengths:
        return "-"
    return f"{min(lengths):>4} {median(lengths):>5.0f} {mean(lengths):>5.0f} {max(lengths):>5}"


def share(flags: Iterable[bool]) -> str:
    """Return the percentage of true values."""
    values = list(flags)
    return f"{100 * sum(values) / len(values):.0f} %" if values else "-"


def row(name: str, entries: Sequence[Entry], answers: dict[Entry, str]) -> str:
    """Return the table row for some entries."""
    texts = [answers[entry] for entry in entries if entry in answers]
    found = [one for one in map(features, texts) if one]
    return COLUMNS.format(
        name,
        len({entry.slug for entry in entries}),
        len(texts),
        spread([count_tokens(entry.prompt) for entry in entries]),
        spread([count_tokens(text) for text in texts]),
        share(one.typed for one in found),
        share(one.documented for one in found),
        share(one.tested for one in found),
    ).rstrip()


def table(corpus: Corpus) -> list[str]:
    """Return the lines of the whole table: the groups of a split, then the split itself."""
    answers = corpus.answers(corpus.entries)
    lines = [COLUMNS.format(*HEADINGS), COLUMNS.format("", "", "", *["min   med  mean   max"] * 2, "", "", "").rstrip()]
    for split in ("train", "heldout"):
        entries = corpus.split(split)
        for group in dict.fromkeys(entry.group for entry in entries):
            lines.append(row(f"  {group}", [entry for entry in entries if entry.group == group], answers))
        lines.append(row(f"all {split}", entries, answers))
    return lines


if __name__ == "__main__":
    print(*table(Corpus()), sep="\n")
