"""Inside the sandbox: what an exception says of an answer.

In: what was raised while a check ran on the answer. Out: an outcome and a line of detail. Where it comes from, the
innermost frame of either tells: in the answer's code it is the outcome `exception`, in the check's `wrong_answer`,
whatever was raised.
"""

import ast
import re
import sys
from types import TracebackType

SOLUTION, CHECK = "/solution.py", "/check.py"


def described(error: BaseException, trace: TracebackType | None, check: str) -> tuple[str, str]:
    """Return the outcome that an exception means, and what was raised or the statement of the check that failed."""
    kind, text, places = type(error), _text(error), frames(trace)
    if issubclass(kind, MemoryError):
        return "limit", "the memory limit was reached"
    missing = _missing(error, text)
    if missing:
        return "exception", f"the code does not define {missing}"
    if places and places[-1][0] == CHECK:
        reason = "" if kind is AssertionError else f" ({_name(kind)})"
        return "wrong_answer", _statement(check, places[-1][1]) + reason
    return "exception", f"{_name(kind)}: {text}" if text else _name(kind)


def frames(trace: TracebackType | None) -> list[tuple[str, int]]:
    """Return file and line of the frames of the check and the answer, the innermost last."""
    found = []
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name in (SOLUTION, CHECK):
            found.append((name, trace.tb_lineno))
        trace = trace.tb_next
    return found


def _statement(check: str, line: int) -> str:
    nodes = [node for node in ast.walk(ast.parse(check)) if isinstance(node, ast.stmt)]
    around = [node for node in nodes if node.lineno <= line <= (node.end_lineno or node.lineno)]
    return ast.unparse(max(around, key=lambda node: node.lineno)) if around else f"line {line}"


def _missing(error: BaseException, text: str) -> str | None:
    """Return the name that the check wanted of `solution` and that is not there."""
    if type(error) is ImportError and error.name == "solution":
        found = re.match(r"cannot import name '(\w+)'", text)
        return found and found[1]
    if type(error) is AttributeError and error.obj is sys.modules.get("solution"):
        return error.name
    return None


def _text(error: BaseException) -> str:
    try:
        return str.__str__(str(error))[:10_000]
    except BaseException:
        return ""


def _name(kind: type) -> str:
    return str(type.__dict__["__name__"].__get__(kind))
