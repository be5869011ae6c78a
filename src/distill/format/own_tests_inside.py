"""Inside the sandbox: an answer's own code, doctests and tests, run by pytest, and what came of them.

In: a job with `parts` (the name of a module and code that goes on in it, in the order to run them), `sessions` (what an
interpreter is said to have shown), and `others` (further names by which the answer imports its own modules, with the
module that is meant). Out: an outcome and a line of detail. `pass`: all of its tests passed, and there is one at least;
`loads`: its code runs, and there is none; `unsupported`: it needs a package or fixture that is not here.

Here is no check whose verdict an answer could want to change: code that reaches for the runner gains nothing but a
place among the examples that its own teacher wrote.
"""

import doctest
import inspect
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import pytest
from _pytest.fixtures import FixtureLookupError

from distill.sandbox.inside.failures import CHECK
from distill.sandbox.inside.opening import opened
from distill.sandbox.inside.runner import _ARGUMENTS, Run, Source


class WrongExample(AssertionError):
    """An example of a docstring or session does not show what it says; the text says so."""


class Code(pytest.Module):
    """A module of the answer, as pytest collects it: its tests, and behind them its doctests."""

    loaded: ModuleType
    examples: list[doctest.DocTest]

    def _getobj(self) -> ModuleType:
        return self.loaded

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Yield all of them."""
        yield from super().collect()
        for test in self.examples:
            yield Example.from_parent(self, name=f"doctest of {test.name}", test=test)


class Example(pytest.Item):
    """A docstring's or a session's examples; names that are given further down in the answer are known to them."""

    def __init__(self, test: doctest.DocTest, **more: Any) -> None:
        super().__init__(**more)
        self.test = test

    def runtest(self) -> None:
        """Run the examples, to the first that is wrong."""
        self.test.globs = vars(self.getparent(Code).loaded) | self.test.globs  # type: ignore[union-attr]
        try:
            doctest.DebugRunner(verbose=False).run(self.test, clear_globs=False)
        except doctest.DocTestFailure as wrong:
            raise WrongExample(f"{_source(wrong)} gives {wrong.got!r}, not {wrong.example.want!r}") from None
        except doctest.UnexpectedException as raised:
            kind, value, _ = raised.exc_info
            if isinstance(value, MemoryError | ModuleNotFoundError):
                raise value from None
            raise WrongExample(f"{_source(raised)} raises {kind.__name__}: {value}") from None


def _source(failure: doctest.DocTestFailure | doctest.UnexpectedException) -> str:
    return str(failure.example.source).strip()


class OwnRun(Run):
    """One run of pytest on an answer alone."""

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__("", "".join(code for _, code in job["parts"]), lambda where: None)
        self.parts: list[tuple[str, str]] = job["parts"]
        self.sessions: list[str] = job["sessions"]
        self.modules = {name: self._made(name) for name in dict.fromkeys([*dict(self.parts), "solution"])}
        self.names = "|".join(map(re.escape, ["__main__", *self.modules, *job["others"]]))
        for other, name in job["others"].items():
            sys.modules[other] = self.modules[name]

    def _made(self, name: str) -> ModuleType:
        spec = spec_from_loader(name, Source(CHECK, self.check))
        assert spec is not None  # noqa: S101 (for the type checker)
        module = sys.modules[name] = module_from_spec(spec)
        return module

    def verdict(self) -> tuple[str, str]:
        """Run everything and return an outcome and its detail."""
        status: object = None
        try:
            status = pytest.main(_ARGUMENTS, plugins=[self])
        except BaseException as error:
            self.fail(self.where, error, error.__traceback__)
        if self.failure is None and self.collected and not (status == 0 and set(self.passed) == set(self.collected)):
            self.failure = ("exception", "no test was run to its end")
        return self.failure or ("pass" if self.collected else "loads", "")

    def fail(self, where: str, error: BaseException, trace: TracebackType | None) -> None:
        """Keep a failure, unless there is one; all of the code is the answer's, and what was raised says what it is."""
        if self.failure is not None:
            return
        super().fail(where, error, trace)
        if isinstance(error, WrongExample):
            self.failure = ("wrong_answer", f"{where}: {error}")
        elif isinstance(error, ModuleNotFoundError):
            self.failure = ("unsupported", f"the package {str(error.name).partition('.')[0]} is not in the sandbox")
        elif isinstance(error, FixtureLookupError):
            self.failure = ("unsupported", f"{where}: the fixture {error.argname} is not in the sandbox")
        elif not isinstance(error, AssertionError | MemoryError | pytest.fail.Exception):
            self.failure = ("exception", self.failure[1])  # type: ignore[index]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        """Run the code, and collect what is in it."""
        logs: Any = session.config.pluginmanager.get_plugin("logging-plugin")
        logs.log_file_handler.close()
        session.items = []
        try:
            examples = self._run()
        except BaseException as error:
            self.fail("import", error, error.__traceback__)
            return True
        for name, module in self.modules.items():
            code = Code.from_parent(session, path=Path(CHECK))
            code.loaded, code.examples = module, examples[name]
            session.items += session.genitems(code)
        session.config.hook.pytest_collection_modifyitems(session=session, config=session.config, items=session.items)
        session.testscollected = len(session.items)
        self.collected = [item.nodeid for item in session.items]
        return True

    def _run(self) -> dict[str, list[doctest.DocTest]]:
        """Run the parts one after the other, and return each module's doctests.

        What a later part replaces (another way to do the same) keeps the doctests that it had.
        """
        examples: dict[str, list[doctest.DocTest]] = {name: [] for name in self.modules}
        lines = 0
        for name, text in self.parts:
            # In the text of all parts each one keeps its lines, by which a failure is shown.
            new = _run_part("\n" * lines + text, vars(self.modules[name]))
            lines += text.count("\n")
            examples[name] += _doctests(self.modules[name], new)
        for number, text in enumerate(self.sessions, start=1):
            examples["solution"].append(_parsed(text, {}, f"session {number}"))
        self._name_exceptions(examples)
        return examples

    def _name_exceptions(self, examples: dict[str, list[doctest.DocTest]]) -> None:
        """Let own exceptions be shown, and expected, without the name of their module, as an interpreter shows them."""
        for example in (one for tests in examples.values() for test in tests for one in test.examples):
            example.exc_msg = example.exc_msg and re.sub(rf"^(?:{self.names})\.", "", example.exc_msg)
        for value in (value for module in self.modules.values() for value in vars(module).values()):
            if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ in self.modules:
                value.__module__ = "__main__"


def _run_part(text: str, space: dict[str, Any]) -> dict[str, Any]:
    """Run a part in its module's namespace; return what it has added and replaced there."""
    before = dict(space)
    try:
        exec(compile(text, CHECK, "exec", dont_inherit=True), space)  # noqa: S102 (confined)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
    return {name: value for name, value in space.items() if before.get(name, space) is not value}


def _doctests(module: ModuleType, new: dict[str, Any]) -> Iterator[doctest.DocTest]:
    """Yield the doctests of what a part has defined."""
    finder = doctest.DocTestFinder()
    for name, value in new.items():
        if name == "__doc__" and isinstance(value, str):
            found = [_parsed(value, dict(vars(module)), "the module")]
        elif getattr(value, "__module__", None) == module.__name__ and _has_docstring(value):
            found = finder.find(value, name, module, dict(vars(module)))
        else:
            continue
        yield from (test for test in found if test.examples)


def _has_docstring(value: object) -> bool:
    return inspect.isclass(value) or inspect.isroutine(inspect.unwrap(value))  # type: ignore[arg-type]


def _parsed(text: str, space: dict[str, Any], name: str) -> doctest.DocTest:
    return doctest.DocTestParser().get_doctest(text, space, name, None, None)


def main() -> None:
    """Run the answer, report, and end."""
    job, incoming, outgoing = opened()
    os.close(incoming)
    write, leave, encoded = os.write, os._exit, json.dumps
    sys.argv = ["solution.py"]
    for name in [name for name in sys.modules if name.startswith("distill")]:
        del sys.modules[name]
    sys.modules["__main__"] = ModuleType("__main__")
    write(outgoing, b"ready\n")
    try:
        report = OwnRun(job).verdict()
    except MemoryError:
        report = ("limit", "the memory limit was reached")
    write(outgoing, encoded(report).encode()[:60_000])
    leave(0)
