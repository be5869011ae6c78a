"""The kind `stdout`: what a script prints, for given arguments and input.

    kind: stdout
    cases:
      - arguments: [--upper]     # these three may be left out
        input: "one\\ntwo\\n"
        status: 0
        output: |
          ONE
          TWO
    ignore: [ends]               # what makes no difference in the output (`parts.normal`); ends alone by default

All of an answer's Python is run, as it is written, once for each case, in a sandbox of its own with limits of its
own. What is expected never goes into the sandbox: the output is compared outside.
"""

import ast
import functools
import secrets
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from distill.common.config import Model, Strings, parse
from distill.sandbox import extract_code, programs
from distill.sandbox.conversation import Over, Sandbox, Verdict, ran
from distill.sandbox.extract_code import NoSource
from distill.sandbox.kinds import parts
from distill.sandbox.programs import Program
from distill.shared.code_blocks import blocks, parsed


class Case(Model):
    """One run of the script."""

    arguments: Strings = ()
    input: str = ""
    output: str
    status: Annotated[int, Field(ge=0, le=127)] = 0


Cases = Annotated[
    tuple[Case, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v), Field(min_length=1)
]


class StdoutCheck(Model):
    """A file of the kind `stdout`."""

    kind: Literal["stdout"]
    cases: Cases
    ignore: parts.Ignore = ("ends",)

    @model_validator(mode="after")
    def _ask_for_something(self) -> "StdoutCheck":
        if all(not parts.normal(case.output, self.ignore) and case.status == 0 for case in self.cases):
            raise ValueError("a script that does nothing would pass; expect an output of one case at least")
        return self

    def prepare(self, answer: str, whole: bool) -> str | Verdict:
        """Return all of the answer's Python; see `checks.Check`."""
        found = extract_code.as_written(answer)
        if isinstance(found, NoSource):
            unnamed = _unnamed(answer) if found.outcome == "no_code" else None
            return unnamed or Verdict.of(found.outcome, found.detail)
        return found

    def judge(self, prepared: str, sandbox: Sandbox, stop: Event) -> Verdict:
        """Run the script for one case after the other, to the first that it fails; see `checks.Check`."""
        for number, case in enumerate(self.cases, start=1):
            verdict = self._verdict(case, prepared, sandbox, stop)
            if verdict.outcome != "pass":
                return Verdict.of(verdict.outcome, f"case {number}: {verdict.detail}")
        return Verdict("pass", "")

    def _verdict(self, case: Case, source: str, sandbox: Sandbox, stop: Event) -> Verdict:
        mark = secrets.token_hex(16)
        job = {"source": source, "arguments": case.arguments, "mark": mark}
        try:
            ended = ran(sandbox, program(), job, stop, case.input.encode())
        except Over as over:
            return over.verdict
        # Bytes that are no UTF-8 equal no text.
        output, marked, raised = ended.output.decode(errors="surrogateescape").partition(mark)
        if marked:
            return Verdict.of("exception", raised)
        if ended.status != case.status:
            return Verdict.of("wrong_answer", f"it ended with status {ended.status}, not {case.status}")
        return _compared(parts.normal(output, self.ignore), parts.normal(case.output, self.ignore))


def _unnamed(answer: str) -> str | None:
    """Return code that nobody called Python, and that defines nothing but calls something, as a short script does."""
    fenced = blocks(answer)
    for text in [one.code for one in fenced if not one.language] if fenced else [answer]:
        with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            if any(isinstance(node, ast.Call) for node in ast.walk(parsed(text))):
                return text
    return None


def _compared(output: str, expected: str) -> Verdict:
    if output == expected:
        return Verdict("pass", "")
    found, wanted = output.split("\n"), expected.split("\n")
    common = min(len(found), len(wanted))
    line = next((number for number in range(common) if found[number] != wanted[number]), common)
    shown = [repr(lines[line][:60]) if line < len(lines) else "missing" for lines in (found, wanted)]
    return Verdict.of("wrong_answer", f"line {line + 1} of the output is {shown[0]}, not {shown[1]}")


@functools.cache
def program() -> Program:
    """Return the program that runs a script."""
    return programs.made("distill.sandbox.inside.script")


def read(value: Any, path: Path) -> StdoutCheck:
    """Return the check that a file's value is."""
    return parse(StdoutCheck, value, str(path))
