"""A prompt's check: the file that says which answers to the prompt are right.

In: the folder of checks (data/checks), where the check of the prompt `clamp` is `clamp.py`, a pytest file, or
`clamp.yaml`, whose `kind` says what else it is (`KINDS`). Out: a `Check`, to which answers are put by `run_checks`.
Here every mistake in a check is found, before an answer is looked at.
"""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from distill.common.config import load_yaml
from distill.common.errors import InputError
from distill.sandbox.conversation import Sandbox, Verdict
from distill.sandbox.kinds import documents, program, python, sql, stdout, texts

CHECKS = Path("data/checks")
KINDS: dict[str, Callable[[Any, Path], "Check"]] = {
    "sql": sql.read,
    "stdout": stdout.read,
    "json": documents.read,
    "exact": texts.read_exact,
    "regex": texts.read_regex,
    "program": program.read,
}
"""By `kind`: the function that makes a check of what a YAML file holds; it raises InputError, with the file's name."""


class Check(Protocol):
    """What is asked of the answers to one prompt. It can be used by several threads at one time."""

    def prepare(self, answer: str, whole: bool) -> str | Verdict:
        """Return what of an answer (Markdown) is looked at, or the verdict where there is nothing of the kind.

        `whole`: all of the answer's code is, as it is written; only Python makes a difference here.
        """

    def judge(self, prepared: str, sandbox: Sandbox, stop: Event) -> Verdict:
        """Return the verdict on it.

        Raises:
            SandboxError: The sandbox did not come up.
            Stopped: `stop` was set.
            InputError: The check is itself wrong, which only came out with this answer.
        """


def find(base: str, folder: Path = CHECKS) -> Path | None:
    """Return where the check of a base prompt is, or None if it has none.

    Raises:
        InputError: It has two.
    """
    found = [path for path in (folder / f"{base}.py", folder / f"{base}.yaml") if path.is_file()]
    if len(found) > 1:
        raise InputError(f"{found[1]}: the prompt has a second check, {found[0].name}; delete one of them")
    return found[0] if found else None


def load(base: str, folder: Path = CHECKS) -> Check | None:
    """Return the check of a base prompt, or None if it has none.

    Raises:
        InputError: It has two, or it is itself wrong.
    """
    path = find(base, folder)
    return read(path) if path else None


def read(path: Path) -> Check:
    """Return the check that a file holds.

    Raises:
        InputError: There is none, or it is itself wrong.
    """
    if path.suffix == ".py":
        return python.read(path)
    value = load_yaml(path)
    kind = str(value.get("kind")) if isinstance(value, dict) else ""
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise InputError(f"{path}: kind: there is no kind '{kind}'; choose one of: {known}; or write a pytest file")
    return KINDS[kind](value, path)


def read_all(folder: Path = CHECKS) -> None:
    """Read every check in a folder, whether or not a prompt has it.

    Raises:
        InputError: The first mistake found.
    """
    for path in sorted(folder.glob("*")):
        if path.suffix in (".yml", ".json"):
            raise InputError(f"{path}: it is not looked at; rename it to {path.stem}.yaml")
        if path.is_file() and path.suffix in (".py", ".yaml"):
            find(path.stem, folder)
            read(path)
