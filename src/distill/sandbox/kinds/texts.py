"""The kinds `exact` and `regex`: an answer that is a text.

    kind: exact
    expected: Paris              # or a list, of which the answer must be one
    ignore: [ends, case]         # what makes no difference (`parts.normal`); ends alone unless it says otherwise

    kind: regex
    pattern: (feat|fix)(\\(\\w+\\))?: .+
    match: full                  # the whole text, or: search

Both have `where`: `text`, the whole answer, or `block`, its first fenced block. A pattern may need a long time for a
text that was made for it, so it is looked for inside a sandbox, with its limits.
"""

import functools
import json
import re
import warnings
from pathlib import Path
from threading import Event
from typing import Any, Literal

from pydantic import field_validator, model_validator

from distill.common.config import Model, Strings, parse
from distill.sandbox import programs
from distill.sandbox.conversation import Over, Sandbox, Verdict, ran
from distill.sandbox.kinds import parts
from distill.sandbox.programs import Program


class ExactCheck(Model):
    """A file of the kind `exact`."""

    kind: Literal["exact"]
    expected: parts.Texts
    where: Literal["text", "block"] = "text"
    ignore: parts.Ignore = ("ends",)

    @field_validator("expected")
    @classmethod
    def _not_empty(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        if any(not text.strip() for text in texts):
            raise ValueError("an empty answer would pass; write the text that is expected")
        return texts

    def prepare(self, answer: str, whole: bool) -> str | Verdict:
        """Return the text that is compared; see `checks.Check`."""
        return parts.text(answer, self.where)

    def judge(self, prepared: str, sandbox: Sandbox, stop: Event) -> Verdict:
        """Compare; nothing is run."""
        found = parts.normal(prepared, self.ignore)
        if found in {parts.normal(parts.bare(text, self.where), self.ignore) for text in self.expected}:
            return Verdict("pass", "")
        return Verdict.of("wrong_answer", f"it is {found[:200]!r}, not {self.expected[0]!r}")


class RegexCheck(Model):
    """A file of the kind `regex`."""

    kind: Literal["regex"]
    pattern: str
    match: Literal["full", "search"] = "full"
    flags: Strings = ()
    where: Literal["text", "block"] = "text"

    @field_validator("flags")
    @classmethod
    def _known(cls, flags: tuple[str, ...]) -> tuple[str, ...]:
        known = ("ascii", "dotall", "ignorecase", "multiline", "verbose")
        if unknown := [flag for flag in flags if flag not in known]:
            raise ValueError(f"there is no flag '{unknown[0]}'; choose among {', '.join(known)}")
        return flags

    @model_validator(mode="after")
    def _is_one(self) -> "RegexCheck":
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pattern = re.compile(self.pattern, self.number)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"the pattern does not compile ({error}); fix it") from None
        if pattern.search("") if self.match == "search" else pattern.fullmatch(""):
            raise ValueError("the pattern matches an empty answer, which would pass; say what an answer must hold")
        return self

    @property
    def number(self) -> int:
        """The flags, as `re` takes them."""
        return sum(getattr(re, flag.upper()) for flag in set(self.flags))

    def prepare(self, answer: str, whole: bool) -> str | Verdict:
        """Return the text in which the pattern is looked for; see `checks.Check`."""
        return parts.text(answer, self.where)

    def judge(self, prepared: str, sandbox: Sandbox, stop: Event) -> Verdict:
        """Look for the pattern; see `checks.Check`."""
        job = {"text": prepared, "pattern": self.pattern, "flags": self.number, "full": self.match == "full"}
        return reported(sandbox, matcher(), job, stop)


@functools.cache
def matcher() -> Program:
    """Return the program that looks for a pattern."""
    return programs.made("distill.sandbox.inside.pattern")


def reported(sandbox: Sandbox, program: Program, job: dict[str, Any], stop: Event) -> Verdict:
    """Return the outcome and detail that a program reports in which no code of the answer runs."""
    try:
        ended = ran(sandbox, program, job, stop)
        report = json.loads(ended.output)
    except Over as over:
        return over.verdict
    except ValueError:
        return Verdict.of("limit", "the program ended before it reported")
    return Verdict.of(report["outcome"], report["detail"])


def read_exact(value: Any, path: Path) -> ExactCheck:
    """Return the check that a file's value is."""
    return parse(ExactCheck, value, str(path))


def read_regex(value: Any, path: Path) -> RegexCheck:
    """Return the check that a file's value is."""
    return parse(RegexCheck, value, str(path))
