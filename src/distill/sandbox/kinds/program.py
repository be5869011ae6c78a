"""The kind `program`: a command of your own, which reads an answer and says whether it is right.

    kind: program
    command: [python, check.py, --strict]
    folder: commit-message       # beside this file; by default the one that is called like it, if there is one

The command gets the answer, as it is written, on its standard input, and ends with status 0 if it is right and 1 if it
is wrong; a line that it prints is the detail. It runs in its folder, which it can read and not change, in a sandbox
with the limits of an answer's code: there are the system's commands (/usr/bin), the interpreter as `python`, with its
standard library alone, and no network. It may start other commands.

What it does with an answer is its own business: if it runs code of it in its own process, that code can end it
with status 0.
"""

import functools
import os
import secrets
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from distill.common.config import Model, parse
from distill.common.errors import InputError
from distill.sandbox import programs
from distill.sandbox.conversation import Over, Sandbox, Verdict, ran
from distill.sandbox.programs import PATH, Program

_PYTHON = ("python", "python3")
_OPTIONS = ("-s", "-S", "-B")
_SCRIPT = """import runpy, sys
del sys.argv[0]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except Exception as error:
    print(f"{type(error).__name__}: {error}")
    sys.exit(2)
"""
"""Runs a script; what it raises would else end it with status 1, as if it had found the answer wrong."""


class ProgramFile(Model):
    """A file of the kind `program`."""

    kind: Literal["program"]
    command: Annotated[
        tuple[str, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v), Field(min_length=1)
    ]
    folder: str | None = None


@dataclass(frozen=True)
class ProgramCheck:
    """The words of a command, the first one a path, and the folder that it runs in, if it has one."""

    path: Path
    command: tuple[str, ...]
    folder: str | None

    def prepare(self, answer: str, whole: bool) -> str | Verdict:
        """Return the whole answer."""
        return answer

    def judge(self, prepared: str, sandbox: Sandbox, stop: Event) -> Verdict:
        """Run the command; see `checks.Check`."""
        mark = secrets.token_hex(16)
        job = {"command": self.command, "folder": self.folder or "/", "path": PATH, "mark": mark}
        try:
            ended = ran(sandbox, program(self.folder), job, stop, prepared.encode(errors="surrogatepass"))
        except Over as over:
            return over.verdict
        said, marked, reason = ended.output.decode(errors="replace").partition(mark)
        if marked:
            raise InputError(f"{self.path}: command: {self.command[0]} cannot be started ({reason}); fix the command")
        line = next((line for line in said.splitlines() if line.strip()), "")
        if ended.status in (0, 1):
            return (
                Verdict("pass", "") if ended.status == 0 else Verdict.of("wrong_answer", line or "the command says no")
            )
        return Verdict.of("exception", f"the command ended with status {ended.status}, not 0 or 1: {line}")


@functools.cache
def _starter() -> Program:
    return replace(programs.made("distill.sandbox.inside.command"), commands=True)


def program(folder: str | None) -> Program:
    """Return the program that becomes the command."""
    return replace(_starter(), folders=(folder,) if folder else ())


def read(value: Any, path: Path) -> ProgramCheck:
    """Return the check that a file's value is.

    Raises:
        InputError: The file is wrong, or there is no such command or folder.
    """
    file = parse(ProgramFile, value, str(path))
    folder = path.parent / file.folder if file.folder else path.with_suffix("")
    if file.folder and not folder.is_dir():
        raise InputError(f"{path}: folder: there is no folder {folder}; make it, or fix its name")
    here = Path(os.path.realpath(folder)) if folder.is_dir() else None
    first, *rest = file.command
    if first in _PYTHON:
        script = bool(rest) and rest[0].endswith(".py")
        if script and not (here and (here / rest[0]).is_file()):
            raise InputError(f"{path}: command: there is no {folder / rest[0]}; write it, or fix its name")
        words = (os.path.realpath(sys.executable), *_OPTIONS, *(["-c", _SCRIPT] if script else []), *rest)
    else:
        words = (_executable(first, here, path), *rest)
    return ProgramCheck(path, words, str(here) if here else None)


def _executable(name: str, folder: Path | None, path: Path) -> str:
    """Return the path of a command: a file of the folder (`./check`), or one of the system's."""
    if folder and (folder / name).is_file():
        if not os.access(folder / name, os.X_OK):
            raise InputError(f"{path}: command: {name} is not executable; run `chmod +x` on it")
        return str(folder / name)
    if found := shutil.which(name, path=PATH):
        return found
    raise InputError(f"{path}: command: there is no '{name}' in its folder, and none in {PATH}; fix the command")
