"""The program that runs inside the sandbox: it loads an answer's code and does what the judge asks of it.

In: limits (JSON, the only argument), then one JSON request a line on standard input: the code, then operations on
what it defines. Out: one JSON reply a line on standard output. It needs the standard library and what it imports of
distill: all are passed to the interpreter as text, where neither this repository nor its packages can be seen.

It will not judge. Once the answer's code is loaded, nothing in this process can be trusted: a reply is a claim, which
the judge compares on its side.
"""

import builtins
import json
import operator
import os
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from distill.codec import builtin_name, decode, encode
from distill.confinement import confine, take_pipes


def asyncio_run(awaitable: Any) -> Any:
    """Wait for an awaitable in an event loop of its own."""
    import asyncio

    async def wait() -> Any:
        return await awaitable

    return asyncio.run(wait())


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
    "await": asyncio_run,
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
        if isinstance(value, type) and issubclass(value, BaseException):
            return ["e", self.number(value), self.bases(value)]
        return ["r", self.number(value)]

    def number(self, value: Any) -> int:
        """Return the number of an object, which lives on from now."""
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return self.numbers[id(value)]

    def bases(self, kind: type) -> list[str | int]:
        """Return a class and its bases, nearest first: builtin ones by name, others by number."""
        return [builtin_name(base) or self.number(base) for base in type.mro(kind)]

    def resolve(self, tag: str, rest: list[Any]) -> Any:
        """Decode a number: an object in here, or a function of the judge."""
        if tag == "r":
            return self.objects[rest[0]]
        return lambda *args, **kwargs: self.call_judge(rest[0], args, kwargs)

    def receive(self) -> Any:
        """Return the next message; leave at once, without exit handlers, when the judge has gone."""
        line = self.requests.readline()
        if not line.endswith(b"\n"):
            os._exit(0)
        return json.loads(line)

    def send(self, message: Any) -> None:
        """Write one message."""
        try:
            data = memoryview(json.dumps(message).encode() + b"\n")
        except MemoryError:
            data = memoryview(b'{"raise": ["MemoryError"]}\n')
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
            return self.failure(error)

    def attempt(self, operation: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Return the reply of one operation, which may raise anything."""
        try:
            return {"ok": encode(operation(*args, **kwargs), self.reference)}
        except StopIteration as error:
            return {"stop": True} if operation is next else self.failure(error)
        except BaseException as error:
            return self.failure(error)

    def failure(self, error: BaseException) -> Any:
        """Return the reply for an exception: bases, name and text, and the exception if its class is no builtin."""
        try:
            text = str.__str__(str(error))
        except BaseException:
            text = ""
        bases = self.bases(type(error))
        reply = {"raise": bases, "name": type.__dict__["__name__"].__get__(type(error)), "text": text[:1000]}
        return reply if isinstance(bases[0], str) else {**reply, "self": self.number(error)}


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


def main() -> None:
    """Confine this process, move the pipes out of the way of print() and input(), load the code, serve."""
    server = Server(*take_pipes())
    confine(json.loads(sys.argv[1]))
    sys.argv = ["solution.py"]
    sys.modules.setdefault("pytest", PytestShell("pytest"))
    try:
        reply = {"ok": server.reference(load(server.receive()["load"]))}
    except BaseException as error:
        reply = server.failure(error)
    server.send(reply)
    server.serve()
