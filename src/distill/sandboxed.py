"""The program that runs inside the sandbox: it loads an answer's code and does what the judge asks of it.

In: limits (JSON, the only argument), then one JSON request a line on standard input: the code, then operations on
what it defines. Out: one JSON reply a line on standard output. It needs the standard library alone, since it is
passed to the interpreter as text (`python -c`) where neither this repository nor its packages can be seen.

It will not judge. Once the answer's code is loaded, nothing in this process can be trusted: a reply is a claim, which
the judge compares on its side. The codec is here, and both sides use it.

Values cross as JSON. None, bool, float, str and small int are themselves; a JSON list is a tagged value: "l" list,
"t" tuple, "s" set, "f" frozenset, "d" dict (pairs), "b" bytes, "a" bytearray, "i" large int (hex), "R" range,
"n" a builtin class by its name, "r" anything else in the sandbox, "c" a function of the judge. Subclasses (Counter,
namedtuple, IntEnum) cross as the builtin class that they derive from.
"""

import builtins
import json
import operator
import os
import resource
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

DEPTH = 150
"""Levels of nesting that cross; more raises RecursionError."""

_SAFE_INT = 1 << 53
_ITERABLES: list[tuple[str, type]] = [("l", list), ("t", tuple), ("s", set), ("f", frozenset)]


def encode(value: Any, other: Callable[[Any], Any], depth: int = 0) -> Any:
    """Return `value` as JSON data; `other` encodes what is not plain data, or raises."""
    if value is None or type(value) in (bool, float, str):
        return value
    if depth > DEPTH:
        raise RecursionError("a value is nested too deeply")
    if isinstance(value, int):
        plain = int.__int__(value)
        return plain if -_SAFE_INT < plain < _SAFE_INT else ["i", hex(plain)]
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, dict):
        pairs = list(dict.items(value))
        return ["d", *([encode(key, other, depth + 1), encode(item, other, depth + 1)] for key, item in pairs)]
    for tag, kind in _ITERABLES:
        if isinstance(value, kind):
            return [tag, *(encode(item, other, depth + 1) for item in kind.__iter__(value))]  # type: ignore[attr-defined]
    return _encode_rare(value, other)


def _encode_rare(value: Any, other: Callable[[Any], Any]) -> Any:
    if type(value) in (bytes, bytearray):
        return ["b" if type(value) is bytes else "a", value.hex()]
    if type(value) is range:
        return ["R", hex(value.start), hex(value.stop), hex(value.step)]
    if isinstance(value, type) and builtin_name(value):
        return ["n", builtin_name(value)]
    return other(value)


def builtin_name(kind: type) -> str:
    """Return the name by which `builtins` knows a class, '' if it does not."""
    name: str = type.__dict__["__name__"].__get__(kind)  # a metaclass cannot give another
    return name if builtins.__dict__.get(name) is kind else ""


def decode(data: Any, other: Callable[[str, int], Any]) -> Any:
    """Return the value that `data` encodes; `other` gives what the tags "r" and "c" with a number stand for.

    Raises:
        ValueError, TypeError, LookupError, RecursionError: It encodes nothing.
    """
    if not isinstance(data, list):
        if isinstance(data, dict):
            raise ValueError("a bare JSON object encodes nothing")
        return data
    tag, *rest = data
    for known, kind in _ITERABLES:
        if tag == known:
            return kind(decode(item, other) for item in rest)
    if tag == "d":
        return {decode(key, other): decode(value, other) for key, value in rest}
    return _decode_rare(tag, rest, other)


def _decode_rare(tag: Any, rest: list[Any], other: Callable[[str, int], Any]) -> Any:
    if tag == "i":
        return int(rest[0], 16)
    if tag in ("b", "a"):
        return (bytes if tag == "b" else bytearray).fromhex(rest[0])
    if tag == "R":
        return range(*(int(part, 16) for part in rest))
    if tag == "n" and isinstance(kind := builtins.__dict__[rest[0]], type):
        return kind
    if tag in ("r", "c") and type(rest[0]) is int:
        return other(tag, rest[0])
    raise ValueError("unknown tag")


# What the judge can ask for. The code inside can do all of it anyway; a closed list keeps both sides in step.
OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda function, *args, **kwargs: function(*args, **kwargs),
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "iter": iter,
    "next": next,
    "len": len,
    "bool": bool,
    "str": str,
    "repr": repr,
    "int": int,
    "float": float,
    "round": round,
    "reversed": reversed,
    "isinstance": isinstance,
    "issubclass": issubclass,
    "enter": lambda manager: type(manager).__enter__(manager),
    "exit": lambda manager, kind: type(manager).__exit__(manager, kind, kind() if kind else None, None),
}
OPERATIONS |= {
    name: getattr(operator, name)
    for name in (
        *("contains", "getitem", "setitem", "delitem", "index", "abs", "neg", "pos", "invert"),
        *("eq", "lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"),
        *("and_", "or_", "xor", "lshift", "rshift", "iadd", "isub", "imul"),
    )
}


class Server:
    """Answers requests, one at a time; a function of the judge called from inside makes this nest."""

    def __init__(self, requests: int, replies: int) -> None:
        self.requests = os.fdopen(requests, "rb")
        self.replies = replies
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}

    def reference(self, value: Any) -> Any:
        """Encode anything that is not plain data as a number; the same object has the same number."""
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return ["r", self.numbers[id(value)]]

    def resolve(self, tag: str, number: int) -> Any:
        """Decode a number: an object in here, or a function of the judge."""
        return self.objects[number] if tag == "r" else lambda *args, **kwargs: self.call_judge(number, args, kwargs)

    def receive(self) -> Any:
        """Return the next message; leave at once, without exit handlers, when the judge has gone."""
        line = self.requests.readline()
        if not line.endswith(b"\n"):
            os._exit(0)
        return json.loads(line)

    def send(self, message: Any) -> None:
        """Write one message."""
        data = memoryview(json.dumps(message).encode() + b"\n")
        while data:
            data = data[os.write(self.replies, data) :]

    def call_judge(self, number: int, args: Any, kwargs: Any) -> Any:
        """Call a function of the judge, and serve what it asks for until it returns."""
        self.send({"callback": number, "args": encode([list(args), kwargs], self.reference)})
        end = self.serve()
        if "throw" in end:
            raise builtins.__dict__[end["throw"]](end["text"])
        return decode(end["return"], self.resolve)

    def serve(self) -> Any:
        """Answer requests until one ends this level of nesting, and return that one."""
        while "op" in (message := self.receive()):
            self.send(self.answer(message))
        return message

    def answer(self, message: Any) -> Any:
        """Do what one request asks for; the reply also says how its arguments look after, if they changed."""
        try:
            args, kwargs = decode(message["args"], self.resolve)
            reply = self.attempt(OPERATIONS[message["op"]], args, kwargs)
            after = encode([args, kwargs], self.reference)
            return reply if after == message["args"] else {**reply, "args": after}
        except BaseException as error:
            return failure(error)

    def attempt(self, operation: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Return the reply of one operation, which may raise anything."""
        try:
            return {"ok": encode(operation(*args, **kwargs), self.reference)}
        except StopIteration as error:
            return {"stop": True} if operation is next else failure(error)
        except BaseException as error:
            return failure(error)


def failure(error: BaseException) -> Any:
    """Return the reply for an exception: the names of its builtin bases, nearest first, and its text."""
    try:
        text = str.__str__(str(error))
    except BaseException:
        text = ""
    bases = [name for kind in type.mro(type(error)) if (name := builtin_name(kind))]
    return {"raise": bases, "name": type.__dict__["__name__"].__get__(type(error)), "text": text[:1000]}


class PytestShell(types.ModuleType):
    """Stands for pytest, which is not here, so that an answer with tests beside its code can be loaded."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return PytestShell(name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Decorators give back what they decorate."""
        return args[0] if len(args) == 1 and isinstance(args[0], types.FunctionType | type) else self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(())


def load(sources: list[str]) -> types.ModuleType:
    """Return the first source that can be imported, as the module `solution`; raise what the last one raises."""
    for number, source in enumerate(sources):
        module = sys.modules["solution"] = types.ModuleType("solution")
        try:
            exec(compile(source, "solution.py", "exec"), module.__dict__)  # noqa: S102 (what this process is for)
            break
        except (Exception, SystemExit):
            if number == len(sources) - 1:
                raise
    return module


def confine(limits: dict[str, Any]) -> None:
    """Give up what the sandbox around this process may have left: resources, the root user, system calls."""
    for name, value in limits["resources"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if limits["user"] is not None:
        _become(libc, limits["user"], limits["capability"])
    filters = bytes.fromhex(limits["seccomp"])

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filters", ctypes.c_char_p))

    program = Program(len(filters) // 8, filters)
    calls = [(38, 1, 0), (1, 9, 0), (22, 2, ctypes.byref(program))]  # no new privileges; die with the parent; seccomp
    for option, value, pointer in calls:
        if libc.prctl(option, ctypes.c_ulong(value), pointer, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl {option}")


def _become(libc: Any, user: int, capability: int | None) -> None:
    # Limits on processes do not bind root. `capability` is kept where only root can read the standard library.
    if capability is not None:
        libc.prctl(8, 1, 0, 0, 0)  # keep capabilities across the change of user
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if capability is not None:
        import ctypes

        mask = 1 << capability
        header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(mask, mask)
        if libc.capset(header, data) != 0:
            raise OSError(ctypes.get_errno(), "capset")


def main() -> None:
    """Confine this process, move the pipes out of the way of print() and input(), load the code, serve."""
    server = Server(os.dup(0), os.dup(1))
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    confine(json.loads(sys.argv[1]))
    sys.argv = ["solution.py"]
    sys.modules.setdefault("pytest", PytestShell("pytest"))
    try:
        reply = {"ok": server.reference(load(server.receive()["load"]))}
    except BaseException as error:
        reply = failure(error)
    server.send(reply)
    server.serve()


if __name__ == "__main__":
    main()
