"""Code that reaches for the program that runs it, told by name before anything is loaded.

In: source. Out: the name of the first thing in it that is refused, or None. Nothing is run.

The check, its runner and the answer share one process, so what opens the process's own memory, stack, library or
channels to the answer could write its verdict. Each name here does that and has no honest use in code that a check
calls. What it will not do: find a name that is put together at run time (`getattr(sys, "mod" + "ules")`). No honest
answer does so either; it is what an adversary would do, and a model under test is not one.

Not refused, because they cannot change a verdict or are in common use: `sys.exit`, `os._exit`, `atexit`, `signal`
and processes (the outcome is told on a channel of the runner's own), `os.close` and `os.fdopen` (as after
`tempfile.mkstemp`), `inspect.signature`, `weakref`, `traceback.format_exc`, `eval` and `exec`, whose text is looked
into where it is a constant.
"""

import ast
import re
import sys
from collections.abc import Iterator

from distill.shared.code_blocks import parsed

MODULES = {
    "_ctypes": "reads and writes memory",
    "_pytest": "the runner's own insides",
    "_testcapi": "reads and writes memory",
    "_testinternalcapi": "reads and writes memory",
    "bdb": "traces the runner",
    "cffi": "reads and writes memory",
    "ctypes": "reads and writes memory",
    "distill": "the program itself",
    "faulthandler": "watches and ends the process",
    "gc": "finds every object of the runner",
    "pdb": "traces the runner",
    "pluggy": "the runner's own insides",
    "__main__": "the runner's own module",
}
"""Modules that may not be imported, and why."""

MEMBERS = {
    "builtins": {"__dict__"},
    "importlib": {"reload"},
    "inspect": {"currentframe", "getclosurevars", "getframeinfo", "getinnerframes", "getouterframes", "stack", "trace"},
    "linecache": {"cache"},
    "logging": {"currentframe"},
    "os": {
        "closerange", "copy_file_range", "dup", "dup2", "pwrite", "pwritev", "sendfile", "splice", "write", "writev",
    },
    "pytest": {"__dict__"},
    "sys": {
        "__dict__", "_current_exceptions", "_current_frames", "_getframe", "_getframemodulename", "addaudithook",
        "call_tracing", "getprofile", "gettrace", "meta_path", "modules", "monitoring", "path_hooks",
        "path_importer_cache", "setprofile", "settrace",
    },
    "threading": {"setprofile", "setprofile_all_threads", "settrace", "settrace_all_threads"},
    "traceback": {"walk_stack", "walk_tb"},
}  # fmt: skip
"""What of a module may not be named: frames, tracing, the table of modules, writing to open channels."""

ATTRIBUTES = frozenset({
    "__builtins__", "__closure__", "__globals__", "__loader__", "__subclasses__", "ag_frame", "cell_contents",
    "cr_frame", "f_back", "f_builtins", "f_globals", "f_locals", "gi_frame", "tb_frame",
})  # fmt: skip
"""Attributes of any object that lead out of the answer's own code, also as text (`getattr(f, "__globals__")`).

Allowed all the same are `Shape.__subclasses__()` of an own class, and `eval(text, {"__builtins__": {}})`.
"""

ASSIGNABLE = {
    "builtins": {"input", "open", "print"},
    "logging": {"raiseExceptions"},
    "sys": {"argv", "dont_write_bytecode", "stderr", "stdin", "stdout", "tracebacklimit"},
}
"""The attributes of the library that an answer may set; any other would change the library under the check.

Of builtins those with which a program is given its input, output and files; that `open` is put back, `seal` sees.
"""

_CHANGERS = frozenset({"__delitem__", "__setitem__", "clear", "pop", "popitem", "setdefault", "update"})
_STREAMS = 3  # standard input, output and error: `open(0).read()` reads the input
_SEALED = frozenset({"builtins", "pytest", "unittest"})  # other libraries, ordinary tests patch with `unittest.mock`
_PATH = re.compile(r"[\w\[\]]*\.[\w.\[\]]+")  # "{0.f_back.f_globals[x]}", attrgetter("f_back.f_globals")
_PROCESS = re.compile(r"/proc/?$|/proc/(?:self|thread-self|\d|%|\{)|/dev/(?:fd|mem)\b")


def refused(source: str) -> str | None:
    """Return the name of what in the source reaches for the runner, or None. Source that does not parse has none."""
    try:
        tree = parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return next(_Reader(tree).findings(), None)


class _Reader:
    """One reading of a module: what its names stand for, and what it does with them."""

    def __init__(self, tree: ast.Module) -> None:
        self.nodes = list(ast.walk(tree))
        self.meaning = dict(_imported(self.nodes))
        self.classes = {"cls"} | {node.name for node in self.nodes if isinstance(node, ast.ClassDef)}
        self.harmless = {id(node.value) for node in self.nodes if isinstance(node, ast.Expr)}  # docstrings
        self.harmless |= {id(key) for node in self.nodes if isinstance(node, ast.Dict) for key in node.keys}
        self.own_module = {id(part) for node in self.nodes for part in _own_module(node)}

    def findings(self) -> Iterator[str]:
        """Yield the names of what is refused."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if _is_refused_module(alias.name))
            elif isinstance(node, ast.ImportFrom) and _is_refused_module(node.module or ""):
                yield str(node.module)
            elif isinstance(node, ast.ImportFrom):
                dotted = (f"{node.module}.{alias.name}" for alias in node.names)
                yield from filter(_is_refused_member, dotted)
            elif isinstance(node, ast.Name | ast.Attribute):
                yield from self._reached(node)
            elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
                yield from self._changed(node.value)
            elif isinstance(node, ast.Call):
                yield from self._called(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in self.harmless:
                yield from _text(node.value)

    def _dotted(self, node: ast.AST) -> str | None:
        """Return the full name of something imported: `sys.modules`, whatever `sys` is called here."""
        path: list[str] = []
        while isinstance(node, ast.Attribute):
            path.insert(0, node.attr)
            node = node.value
        start = self.meaning.get(node.id) if isinstance(node, ast.Name) else None
        return ".".join([start, *path]) if start else None

    def _reached(self, node: ast.Name | ast.Attribute) -> Iterator[str]:
        dotted = self._dotted(node)
        if dotted and _is_refused_member(dotted) and id(node) not in self.own_module:
            yield ".".join(dotted.split(".")[:2])
        elif isinstance(node, ast.Name):
            yield from {node.id} & {"__builtins__", "__loader__"}
            yield from {node.id} & {"__name__"} if isinstance(node.ctx, ast.Store) else ()
        elif node.attr in ATTRIBUTES and not (node.attr == "__subclasses__" and self._is_own_class(node.value)):
            yield node.attr
        elif not isinstance(node.ctx, ast.Load):
            yield from self._set(node)
        elif node.attr in _CHANGERS:
            yield from self._changed(node.value)

    def _is_own_class(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id in self.classes

    def _set(self, node: ast.Attribute) -> Iterator[str]:
        """Yield the attribute that is set, if it is the library's; `__code__` and `__self__` lead there too."""
        dotted = self._dotted(node)
        if dotted and _is_library(dotted):
            yield dotted
        elif node.attr == "__code__" or (isinstance(node.value, ast.Attribute) and node.value.attr == "__self__"):
            yield node.attr if node.attr == "__code__" else "__self__"

    def _changed(self, node: ast.AST) -> Iterator[str]:
        """Yield the namespace of the library that is changed: `math.__dict__`, `vars(math)`."""
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "vars" and node.args:
            dotted = f"{self._dotted(node.args[0])}.__dict__"
        else:
            dotted = self._dotted(node) or ""
        if dotted.endswith(".__dict__") and _is_library(dotted):
            yield dotted

    def _called(self, node: ast.Call) -> Iterator[str]:
        function = self._dotted(node.func) or getattr(node.func, "id", getattr(node.func, "attr", ""))
        target = self._dotted(node.args[0]) if node.args else None
        first, second, *_ = [_constant(argument) for argument in node.args[:2]] + [None, None]
        if function in ("getattr", "vars"):
            dotted = f"{target}.{second if function == 'getattr' else '__dict__'}"
            yield from filter(_is_refused_member, [dotted])
        elif function == "unittest.mock.patch" and isinstance(first, str) and first.split(".")[0] in _SEALED:
            yield from filter(_is_library, [first])
        elif function in ("setattr", "delattr", "unittest.mock.patch.object") and target:
            yield from filter(_is_library, [f"{target}.{second or '…'}"])
        elif function in ("__import__", "importlib.__import__", "importlib.import_module"):
            yield from filter(_is_refused_module, [str(first)])
        elif function in ("eval", "exec", "compile") and isinstance(first, str):
            yield from filter(None, [refused(first.strip())])
        elif function in ("open", "io.open", "io.FileIO", "os.fdopen") and type(first) is int and first >= _STREAMS:
            yield f"{function}({first})"


def _constant(node: ast.AST) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _own_module(node: ast.AST) -> Iterator[ast.AST]:
    """Yield `sys.modules` where only the answer's own module is looked up there, or whether there is one."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from [node.value] if getattr(node.slice, "id", "") == "__name__" else []
    elif isinstance(node, ast.Compare) and all(isinstance(one, ast.In | ast.NotIn) for one in node.ops):
        yield from node.comparators


def _imported(nodes: list[ast.AST]) -> Iterator[tuple[str, str]]:
    """Yield what each imported name stands for; a star stands for the refused members of its module."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                start = alias.name.split(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (start, start)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names = MEMBERS.get(str(node.module), ()) if alias.name == "*" else [alias.name]
                yield from ((alias.asname or name, f"{'.' * node.level}{node.module}.{name}") for name in names)


def _is_refused_module(name: str) -> bool:
    return name.split(".")[0] in MODULES


def _is_refused_member(dotted: str) -> bool:
    module, _, member = dotted.partition(".")
    return member.split(".")[0] in MEMBERS.get(module, ())


def _is_library(dotted: str) -> bool:
    """Tell whether an attribute is the library's or the test runner's, and not one that an answer may set."""
    module, _, member = dotted.partition(".")
    library = module in sys.stdlib_module_names or module == "pytest"
    return library and member not in ASSIGNABLE.get(module, ())


def _text(text: str) -> Iterator[str]:
    parts = [text] + [part for path in _PATH.findall(text) for part in re.split(r"[.\[\]]", path)]
    if found_names := [part for part in parts if part in ATTRIBUTES]:
        yield found_names[0]
    elif found := _PROCESS.search(text):
        yield found.group()
