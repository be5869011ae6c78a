"""The kind `python`: a pytest file that imports what the prompt asks for from `solution`.

In: the text of such a file. Check and answer share one confined process, as in HumanEval, EvalPlus and BigCodeBench, so
that a check sees the answer's live objects. This is the one kind whose decision is made where an answer's code runs:
what that code reaches for is looked at before (`refusal`), and what decides is watched (`inside.runner`).
"""

import ast
import functools
import json
import secrets
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from distill.common.errors import InputError
from distill.sandbox import extract_code, programs
from distill.sandbox.conversation import Over, Sandbox, Talk, Verdict, talk
from distill.sandbox.extract_code import NoSource
from distill.sandbox.launcher import SandboxError
from distill.sandbox.programs import Program

_REPORTED = frozenset({"pass", "wrong_answer", "exception", "limit", "refused"})
_INSIDE = (
    "distill.sandbox.inside.impostor",
    "distill.sandbox.inside.seal",
    "distill.sandbox.inside.failures",
    "distill.sandbox.inside.runner",
    "distill.sandbox.inside.guest",
)
"""In the order of their imports."""
PYTEST = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "py")


@dataclass(frozen=True)
class PythonCheck:
    """The text of a pytest file."""

    text: str

    def prepare(self, answer: str, whole: bool) -> str | Verdict:
        """Return the code of an answer that is to be run, or the verdict where none is, or it is refused."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the answer's syntax
            wanted = extract_code.wanted_names(self.text)
            found = extract_code.as_written(answer) if whole else extract_code.selected(answer, wanted)
            name = None if isinstance(found, NoSource) else extract_code.refused(found)
        if isinstance(found, NoSource):
            return Verdict.of(found.outcome, found.detail)
        return found if name is None else Verdict.of("refused", name)

    def judge(self, prepared: str, sandbox: Sandbox, stop: Event) -> Verdict:
        """Run the check on the code; see `checks.Check`."""
        with talk(sandbox, program(), stop) as talking:
            return _Report(talking, secrets.token_hex(16)).read({"solution": prepared, "check": self.text})


@functools.cache
def program() -> Program:
    """Return the program that runs a check on an answer's code, and reports with a nonce."""
    return programs.made(*_INSIDE, packages=PYTEST)


class _Report:
    """What a program says of one answer.

    The answer could write to the pipe: a line counts only if it is of known form, and has the nonce that was sent in
    before the answer was loaded.
    """

    def __init__(self, talking: Talk, nonce: str) -> None:
        self.talking, self.nonce = talking, nonce
        self.where: str | None = None
        """The test that runs, as the program says; None until it is ready for the answer."""

    def read(self, job: dict[str, str]) -> Verdict:
        """Send the job and return the verdict."""
        self.talking.send(json.dumps({"nonce": self.nonce, **job}).encode() + b"\n")
        try:
            return self._outcome()
        except Over as over:
            verdict = over.verdict
        if self.where is None and verdict.outcome != "time_out":
            raise SandboxError(self.talking.complaints() or verdict.detail)
        at = "" if self.where in (None, "import") else f"{self.where}: "
        return Verdict.of(verdict.outcome, at + verdict.detail)

    def _outcome(self) -> Verdict:
        """Read lines until one has the outcome."""
        rest = b""
        for chunk in self.talking.chunks():
            *lines, rest = (rest + chunk).split(b"\n")
            for message in map(self._message, lines):
                if "outcome" in message:
                    return Verdict.of(message["outcome"], message["detail"])
                self.where = message["at"]
        self.talking.ended()
        raise Over("exception", "the program ended before it reported")

    def _message(self, line: bytes) -> dict[str, str]:
        """Return what a line says, if the runner wrote it."""
        with suppress(ValueError, RecursionError):
            said = json.loads(line)
            if isinstance(said, dict) and all(isinstance(value, str) for value in said.values()):
                form, outcome = said.keys() - {"nonce"}, said.get("outcome")
                known = form == {"at"} or (form == {"outcome", "detail"} and outcome in _REPORTED)
                if known and secrets.compare_digest(said.get("nonce", "").encode(), self.nonce.encode()):
                    return said
        raise Over("exception", "the code wrote where the runner reports")


def read(path: Path) -> PythonCheck:
    """Return the check that a file holds.

    Raises:
        InputError: There is none, or it is itself wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; write the hidden check of that held-out prompt") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start + 1}; save the file as UTF-8") from None
    except SyntaxError as error:
        raise InputError(f"{path}:{error.lineno}: the check does not compile ({error.msg}); fix the check") from None
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    if not any(function.name.startswith("test") for function in functions):
        raise InputError(f"{path}: the check has no test function; write one whose name begins with 'test_'")
    return PythonCheck(text)
