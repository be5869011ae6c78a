"""Which part of an answer a check looks at, and what it overlooks in a text."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from distill.sandbox.conversation import Verdict
from distill.shared.code_blocks import blocks


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _texts(value: Any) -> Any:
    if not isinstance(value, str | list):
        raise ValueError("a text is needed, or a list of some; quote it")
    return (value,) if isinstance(value, str) else tuple(value)


Ignore = Annotated[tuple[Literal["ends", "spaces", "case"], ...], BeforeValidator(_listed)]
"""What makes no difference between two texts; see `normal`."""
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), Field(min_length=1)]
"""One text, or a list of some."""


def normal(text: str, ignore: tuple[str, ...]) -> str:
    """Return a text without what is ignored.

    ends: blanks where a line ends, empty lines before the first and behind the last. spaces: how many blanks and line
    breaks stand between two words. case: capital letters. A carriage return before a line feed never counts.
    """
    text = text.replace("\r\n", "\n")
    if "ends" in ignore:
        text = "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")
    if "spaces" in ignore:
        text = " ".join(text.split())
    return text.casefold() if "case" in ignore else text


def block(answer: str, *languages: str) -> str | None:
    """Return the code of the first fenced block of some languages (any, if none is named), or None.

    Where no block names one of them, the first without a language is meant.
    """
    found = blocks(answer)
    named = [one.code for one in found if one.language in languages or not languages]
    return next(iter(named + [one.code for one in found if not one.language]), None)


def text(answer: str, where: Literal["text", "block"]) -> str | Verdict:
    """Return the whole answer, or its first fenced block, `bare`."""
    found = answer if where == "text" else block(answer)
    return Verdict.of("no_code", "the answer has no code block") if found is None else bare(found, where)


def bare(text: str, where: Literal["text", "block"]) -> str:
    """Return a text without the blanks around it; of a block, whose first line may be indented, without empty lines."""
    return text.strip() if where == "text" else text.strip("\r\n")
