"""The style of JSON: whether it parses and stands alone, how its keys are written and ordered, how deep it goes.

JSON is what stands in blocks that say so, or say nothing and begin with a bracket; or the answer itself, if it has no
block and begins with one.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from distill.evaluate.style import markdown
from distill.evaluate.style.features import amount, share
from distill.shared.code_blocks import JSON, blocks

FEATURES = {
    "parsed": share("JSON that parses", "pieces of JSON that parse"),
    "alone": share(
        "Nothing but JSON", "1 if the answer is JSON that parses, in a block or not, without a word beside it"
    ),
    "multi_line": share("JSON on several lines", "pieces of JSON that parse and have more than one line"),
    "snake_keys": share("Keys in snake case", "keys of nothing but lower-case letters, digits and underscores"),
    "camel_keys": share("Keys in camel case", "keys that begin in lower case and have a capital letter further on"),
    "sorted_keys": share("Objects with sorted keys", "objects of two keys or more whose keys are in order"),
    "nulls": share("Values that are null", "values of keys that are `null`"),
    "code_share": markdown.FEATURES["code_share"],
    "lead_in": markdown.FEATURES["lead_in"],
    "keys": amount("Keys", "keys of all objects"),
    "items": amount("Array items", "items of all arrays"),
    "depth": amount("Depth", "objects and arrays inside each other, at the deepest"),
    "string_words": amount("Words in strings", "words in strings that are values"),
    "words": markdown.FEATURES["words"],
    "bullets": markdown.FEATURES["bullets"],
    "bold": markdown.FEATURES["bold"],
}

SNAKE = re.compile(r"[a-z0-9_]+")
CAMEL = re.compile(r"[a-z][A-Za-z0-9]*[A-Z][A-Za-z0-9]*")


class Object(tuple[tuple[str, Any], ...]):
    """A JSON object as its pairs, a key that stands twice among them."""


def measure(answer: str) -> dict[str, float]:
    """Return the features of an answer."""
    codes, prose = _codes(answer)
    values = [(code, value) for code in codes for value in _parse(code)]
    nodes = [node for _, value in values for node in _nodes(value)]
    objects = [value for value, _ in nodes if isinstance(value, Object)]
    pairs = [pair for each in objects for pair in each]
    keys = [key for key, _ in pairs]
    ordered = [[key for key, _ in each] for each in objects if len(each) > 1]
    return markdown.measure(answer) | {
        "parsed": _share(len(values), len(codes)),
        "alone": float(len(values) == 1 and not prose),
        "multi_line": _share(sum("\n" in code.strip() for code, _ in values), len(codes)),
        "snake_keys": _share(sum(SNAKE.fullmatch(key) is not None for key in keys), len(keys)),
        "camel_keys": _share(sum(CAMEL.fullmatch(key) is not None for key in keys), len(keys)),
        "sorted_keys": _share(sum(names == sorted(names) for names in ordered), len(ordered)),
        "nulls": _share(sum(value is None for _, value in pairs), len(pairs)),
        "keys": float(len(keys)),
        "items": float(sum(len(value) for value, _ in nodes if isinstance(value, list))),
        "depth": float(max((depth for _, depth in nodes), default=0)),
        "string_words": float(sum(len(value.split()) for value, _ in nodes if isinstance(value, str))),
    }


def _codes(answer: str) -> tuple[list[str], bool]:
    """Return the pieces of JSON, and whether there is anything beside them."""
    fenced = blocks(answer)
    if not fenced:
        return ([answer], False) if _begins(answer) else ([], bool(answer.strip()))
    codes = [block.code for block in fenced if block.language in JSON or (not block.language and _begins(block.code))]
    return codes, len(codes) < len(fenced) or markdown.measure(answer)["code_share"] < 1


def _begins(code: str) -> bool:
    return code.lstrip().startswith(("{", "["))


def _parse(code: str) -> list[Any]:
    """Return the value alone in a list; an empty list if the code does not parse, for whatever reason."""
    try:
        return [json.loads(code, object_pairs_hook=Object, parse_int=float)]
    except (ValueError, RecursionError, MemoryError):
        return []


def _nodes(value: Any) -> Iterator[tuple[Any, int]]:
    """Yield a value and all in it, each with the number of objects and arrays that it is or stands in."""
    stack = [(value, 0)]
    while stack:
        node, depth = stack.pop()
        inside = [each for _, each in node] if isinstance(node, Object) else node if isinstance(node, list) else None
        depth += inside is not None
        yield node, depth
        stack += [(each, depth) for each in inside or ()]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
