"""Inside the sandbox: a text is read as JSON, and put to a JSON Schema.

In: a job with `text`, `schema`, and whether the document is only the text's `header`. Out: a report with outcome and
detail. JSON here is what the standard says: one value a key, and numbers that are numbers.
"""

import json
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from jsonschema import ValidationError
from jsonschema.validators import Draft202012Validator, extend, validator_for
from jsonschema_specifications import REGISTRY

from distill.sandbox.inside.opening import opened, speak, tell

_DETAIL = 1000
_DIGITS = 1000


def main() -> None:
    """Report on it."""
    job, *pipes = opened()
    speak(*pipes)
    outcome, detail = judged(job["text"], job["schema"], job["header"])
    tell(outcome=outcome, detail=detail[:_DETAIL])


def judged(text: str, schema: dict[str, Any], header: bool) -> tuple[str, str]:
    """Return the outcome, and the first place where the document is wrong."""
    try:
        document = read(text, header)
    except ValueError as error:
        return "syntax", f"no JSON: {error}"
    except (RecursionError, MemoryError):
        return "limit", "the document is nested too deeply"
    validator = extend(validator_for(schema, default=Draft202012Validator), {"multipleOf": _multiple})
    try:
        checks = validator(schema, registry=REGISTRY, format_checker=validator.FORMAT_CHECKER)
        wrong = next(checks.iter_errors(document), None)
        return ("wrong_answer", f"{wrong.json_path}: {wrong.message}") if wrong else ("pass", "")
    except (RecursionError, MemoryError):
        return "limit", "the document is nested too deeply"
    except Exception as error:  # whatever a document brings about in there
        return "wrong_answer", f"the schema cannot be applied to it ({type(error).__name__})"


def read(text: str, header: bool) -> Any:
    """Return the document.

    Raises:
        ValueError: It is none.
    """
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite, parse_int=_not_endless
    )
    if not header:
        return decoder.decode(text)
    if not text.startswith("{"):
        raise ValueError("the answer does not begin with '{'")
    document, end = decoder.raw_decode(text)
    if text[end:].lstrip(" \t\r")[:1] not in ("", "\n"):
        raise ValueError("the header is not followed by a new line")
    return document


def _multiple(validator: Any, step: float, value: Any, schema: Any) -> Iterator[ValidationError]:
    """Put decimal numbers as they are written to `multipleOf`: 19.99 is a multiple of 0.01, of floats it is none."""
    if validator.is_type(value, "number") and Fraction(str(value)) % Fraction(str(step)):
        yield ValidationError(f"{value!r} is not a multiple of {step}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text[:20]} is out of range")
    return number


def _not_endless(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)
