"""Inside the sandbox: a hidden check under pytest, on the live objects of an answer, and what came of it.

In: the source of an answer, which becomes the module `solution`, and the source of its check. Out: an outcome and a
line of detail. pytest is the real one, with its rules for fixtures, parameters, classes and `unittest`; left out are
the plugins that need a disk, and the rewriting of `assert`. The check is loaded from memory.

A pass is: every test that was collected passed, there was one at least, pytest says so too, and nothing that this
decision rests on was replaced. What a failure means, `failures` says.
"""

import ast
import secrets
import sys
from collections.abc import Callable
from importlib.abc import ExecutionLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import pytest

from distill.sandbox.inside.failures import CHECK, SOLUTION, described, frames
from distill.sandbox.inside.impostor import Watch, watched
from distill.sandbox.inside.seal import families, seal

_OFF = (
    "cacheprovider", "doctest", "faulthandler", "junitxml", "legacypath", "pastebin", "setuponly", "setupplan",
    "stepwise", "terminal", "threadexception", "tmpdir", "unraisableexception",
)  # fmt: skip
_OPTIONS = ["--rootdir=/", "--noconftest", "--disable-plugin-autoload"]
_OPTIONS += ["--capture=sys", "--assert=plain", "--maxfail=1"]
_ARGUMENTS = _OPTIONS + [word for name in _OFF for word in ("-p", f"no:{name}")]
Raised = tuple[BaseException, TracebackType | None]


class Source(ExecutionLoader):
    """A module that is text, which tracebacks and `inspect` can read."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text

    def get_source(self, fullname: str) -> str:
        """Return the text."""
        return self.text

    def get_filename(self, fullname: str) -> str:
        """Return the path that tracebacks name."""
        return self.path


class CheckSource(Source):
    """A check: what it compares is watched (`impostor`); its text and its module's name cannot be looked up."""

    watch: Watch

    def get_source(self, fullname: str) -> str:
        """Return nothing: an answer could read what is expected of it."""
        return ""

    def exec_module(self, module: ModuleType) -> None:
        """Run the check's text in its module."""
        tree, self.watch = watched(ast.parse(self.text, self.path), module.__dict__)
        exec(compile(tree, self.path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 (a file of this project)


def load(name: str, source: Source) -> ModuleType:
    """Return text as a module that can be imported by name."""
    spec = spec_from_loader(name, source)
    assert isinstance(spec, ModuleSpec)  # noqa: S101 (for the type checker)
    assert spec.loader  # noqa: S101
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Check(pytest.Module):
    """The check as pytest collects it; it and the answer are loaded when pytest asks for the module."""

    run: "Run"

    def _getobj(self) -> ModuleType:
        try:
            load("solution", Source(SOLUTION, self.run.solution))
            self.run.look()
            return load(self.run.name, self.run.source)
        except BaseException as error:
            self.run.fail("import", error, error.__traceback__)
            raise self.CollectError("not loaded") from None


class Run:
    """One run of pytest, and the plugin that follows it: the first failure is kept."""

    def __init__(self, solution: str, check: str, tell: Callable[[str], None]) -> None:
        self.solution, self.check, self.tell = solution, check, tell
        self.source, self.name = CheckSource(CHECK, check), f"check_{secrets.token_hex(8)}"
        self.collected: list[str] = []
        self.passed: list[str] = []
        self.raised: dict[str, Raised] = {}
        self.failure: tuple[str, str] | None = None
        self.where = "import"
        self.replaced: Callable[[], str | None] = lambda: None

    def verdict(self) -> tuple[str, str]:
        """Run the check and return an outcome and its detail."""
        status: object = None
        try:
            status = pytest.main(_ARGUMENTS, plugins=[self])
        except BaseException as error:
            self.fail(self.where, error, error.__traceback__)
        if self.failure is None and not (status == 0 and self.collected and set(self.passed) == set(self.collected)):
            self.failure = ("exception", "no test of the check was run to its end")
        if self.failure is None and (name := self.source.watch.impostor()) is not None:
            self.failure = ("wrong_answer", f"an object of the class {name} equals everything")
        self.look()
        return self.failure or ("pass", "")

    def look(self) -> None:
        """Keep as the failure that something of the runner was replaced."""
        if (name := self.replaced()) is not None:
            self.failure = ("refused", f"replaces {name}")

    def fail(self, where: str, error: BaseException, trace: TracebackType | None) -> None:
        """Keep a failure, unless there is one."""
        if self.failure is None:
            outcome, detail = described(error, trace, self.check)
            detail = detail.replace(self.name, "check")  # which is another one in each run
            self.failure = (outcome, f"{where}: {detail}" if detail else where)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        """Collect from memory, not from a disk; from here on, nothing of the runner may be replaced."""
        # pytest opens the null device to log to; an answer is left no file, whatever that path is in its sandbox.
        logs: Any = session.config.pluginmanager.get_plugin("logging-plugin")
        logs.log_file_handler.close()
        self.replaced = seal([*families(), *_imported(self.check)])
        module = Check.from_parent(session, path=Path(CHECK))
        module.run = self
        session.items = list(session.genitems(module))
        session.config.hook.pytest_collection_modifyitems(session=session, config=session.config, items=session.items)
        session.testscollected = len(session.items)
        self.collected = [item.nodeid for item in session.items]
        return True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A class or a set of parameters that cannot be collected is a failure."""
        if report.failed and self.failure is None:
            self.failure = ("exception", f"collection: {str(report.longrepr).strip().splitlines()[-1]}")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say which test is to run, for a program that ends in it."""
        self.where = nodeid.partition("::")[2]
        self.tell(self.where)

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Keep what was raised, and report without a picture of it: that would run an answer's `__repr__`."""
        outcome: Any = "passed"
        if call.excinfo:
            self.raised[call.when] = (call.excinfo.value, call.excinfo.tb)
            outcome = "skipped" if issubclass(call.excinfo.type, pytest.skip.Exception) else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test as passed, or keep its failure; a mark of the check may expect one, or leave a test out."""
        raised = self.raised.pop(str(report.when), None)
        expected = hasattr(report, "wasxfail") and not (raised and issubclass(type(raised[0]), pytest.xfail.Exception))
        if (report.passed and report.when == "call") or (expected and report.outcome != "failed"):
            self.passed.append(report.nodeid)
        elif report.skipped and report.when == "setup" and raised and not frames(raised[1]):
            self.collected.remove(report.nodeid)
        elif raised:
            self.fail(self.where, *raised)
        elif not report.passed:
            self.failure = self.failure or ("wrong_answer", f"{self.where}: a failure was expected")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """KeyboardInterrupt and `pytest.exit` end pytest."""
        self.fail(self.where, excinfo.value, excinfo.tb)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """An exception that fails when pytest looks at it ends pytest."""
        self.fail(self.where, excinfo.value, excinfo.tb)
        return True


def _imported(check: str) -> list[str]:
    """Import the modules that a check leans on, before the answer is there to change them; return their names."""
    modules: list[tuple[str, list[str]]] = []
    for node in ast.walk(ast.parse(check)):
        if isinstance(node, ast.Import):
            modules += [(alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.append((node.module, [alias.name for alias in node.names]))
    found = []
    for module, names in modules:
        if module.partition(".")[0] in sys.stdlib_module_names:
            __import__(module, fromlist=names)  # modules among the names too: `from unittest import mock`
            found += [module, *(full for name in names if (full := f"{module}.{name}") in sys.modules)]
    return found
