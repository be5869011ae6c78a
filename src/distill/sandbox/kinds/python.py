"""The kind `python`: a pytest file that imports what the prompt asks for from `solution`.

In: the text of such a file. Check and answer share one confined process, as in HumanEval, EvalPlus and BigCodeBench, so
that a check sees the answer's live objects. This is the one kind whose decision is made where an answer's code runs:
what that code reaches for is looked at before (`refusal`), and what decides is watched (`inside.runner`).
"""

import ast
import warnings
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from distill.common.errors import InputError
from distill.sandbox import conversation, extract_code
from distill.sandbox.conversation import Sandbox, Verdict
from distill.sandbox.extract_code import NoSource


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
        """Run the check on the code."""
        return conversation.run(sandbox, prepared, self.text, stop)


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
