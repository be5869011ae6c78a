"""What an answer defines, as a hidden check sees it: stand-ins whose every use is a question to the sandbox.

In: the pipes of a confined `distill.sandboxed`. Out: a module `solution` whose functions can be called, whose classes
can be made objects of, and so on. Plain data come as copies of the builtin types, so comparing them happens here and
is out of the answer's reach; a list, dict or set that the answer changed is changed here too. Anything else is a
`Remote`, which equals and orders with nothing but other stand-ins. Exceptions are raised as the nearest builtin class.

It will not trust a reply's form, size or time. When the answer ends, breaks the protocol or reaches a limit, that is
its verdict, whatever the check makes of it.
"""

import builtins
import json
import os
import select
import sys
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from distill.sandbox import Confined, was_cpu
from distill.sandboxed import builtin_name, decode, encode

_UNRAISABLE = ("StopIteration", "StopAsyncIteration")  # they would end the check's own loops early


class Over(BaseException):
    """The answer can be asked no more: `outcome` and `detail` are its verdict. No `except Exception` hides it."""

    def __init__(self, outcome: str, detail: str) -> None:
        super().__init__(outcome, detail)
        self.outcome, self.detail = outcome, detail


class CheckError(Exception):
    """The hidden check itself is wrong."""


class RemoteError(Exception):
    """Mixed into every exception that the answer raised."""

    name = ""
    text = ""

    def __str__(self) -> str:
        return self.text


@dataclass
class Channel:
    """Requests to one confined program, one at a time, until `deadline` (of time.monotonic) or `budget` bytes."""

    confined: Confined
    deadline: float
    budget: int
    over: Over | None = None
    functions: list[Callable[..., Any]] = field(default_factory=list)
    pending: bytes = b""

    def load(self, sources: list[str]) -> "Remote":
        """Load the answer's code and return its module."""
        for pipe in (self.confined.requests, self.confined.replies):
            os.set_blocking(pipe.fileno(), False)
        self.send({"load": sources})
        module = self.result(self.receive(), [], {})
        return module if isinstance(module, Remote) else self.fail("exception", "the program broke the protocol")

    def request(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Do one operation of `distill.sandboxed.OPERATIONS` in the sandbox; return or raise what it does."""
        if self.over:
            raise self.over
        self.send({"op": operation, "args": self.encode([list(args), kwargs])})
        while "callback" in (reply := self.receive()):
            self.send(self.call_back(reply))
        return self.result(reply, list(args), kwargs)

    def result(self, reply: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Return or raise what a reply says, after changing the arguments that the answer changed."""
        if "args" in reply:
            self.update([args, kwargs], self.decode(reply["args"]))
        if "ok" in reply:
            return self.decode(reply["ok"])
        if reply.get("stop"):
            raise StopIteration
        return self.throw(reply)

    def throw(self, reply: dict[str, Any]) -> NoReturn:
        """Raise the builtin exception nearest to the one that the answer raised."""
        names = [name for name in reply.get("raise") or ["Exception"] if isinstance(name, str)]
        kinds = [builtins.__dict__.get(name) for name in names if name not in _UNRAISABLE]
        name, text = str(reply.get("name"))[:60], str(reply.get("text"))
        if "MemoryError" in names:
            self.fail("limit", "the memory limit was reached")
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, ExceptionGroup):
                error = type(kind.__name__, (RemoteError, kind), {"name": name, "text": text})
                raise error.__new__(error, text)
        self.fail("exception", f"{name} was raised")  # SystemExit and the like

    def call_back(self, reply: dict[str, Any]) -> dict[str, Any]:
        """Call a function that the check passed to the answer; return the message that says what came of it."""
        decoded = self.decode(reply.get("args"))
        try:
            (args, kwargs), function = decoded, self.functions[reply["callback"]]
            return {"return": self.encode(function(*args, **kwargs))}
        except CheckError:
            raise
        except Exception as error:
            return {"throw": next(filter(None, map(builtin_name, type(error).__mro__))), "text": str(error)}

    def encode(self, value: Any) -> Any:
        """Encode plain data, stand-ins, and functions of the check."""
        return encode(value, self._encode_other)

    def _encode_other(self, value: Any) -> Any:
        if type(value) is Remote:
            return ["r", number_of(value)]
        if not callable(value):
            raise CheckError(f"it passes a {type(value).__name__}, which cannot be sent to the answer")
        self.functions.append(value)
        return ["c", len(self.functions) - 1]

    def decode(self, data: Any) -> Any:
        """Decode a reply's value; one that encodes nothing ends the conversation."""
        try:
            return decode(data, self._decode_other)
        except (ValueError, TypeError, LookupError, RecursionError, AttributeError):
            self.fail("exception", "the program broke the protocol")

    def _decode_other(self, tag: str, number: int) -> Any:
        return self.functions[number] if tag == "c" else Remote(self, number)

    def update(self, old: Any, new: Any) -> None:
        """Give `old` the contents of `new`, keeping the identity of what is mutable in it."""
        if isinstance(old, list) and isinstance(new, list):
            shared = [self.merged(*pair) for pair in zip(old, new, strict=False)]
            old[:] = shared + new[len(shared) :]
        elif isinstance(old, dict) and isinstance(new, dict):
            merged = {key: self.merged(old.get(key), value) for key, value in new.items()}
            old.clear()
            old.update(merged)
        elif isinstance(old, set) and isinstance(new, set):
            old.clear()
            old.update(new)
        elif isinstance(old, bytearray) and isinstance(new, bytearray):
            old[:] = new

    def merged(self, old: Any, new: Any) -> Any:
        """Return `old` with the contents of `new` where both are the same kind of container, else `new`."""
        if type(old) is type(new) and isinstance(old, list | dict | set | bytearray):
            self.update(old, new)
            return old
        if isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
            return tuple(self.merged(*pair) for pair in zip(old, new, strict=True))
        return old if callable(old) else new

    def send(self, message: dict[str, Any]) -> None:
        """Write one message, however slowly the program reads."""
        data = memoryview(json.dumps(message).encode() + b"\n")
        while data:
            self.wait(self.confined.requests.fileno(), select.POLLOUT)
            try:
                data = data[os.write(self.confined.requests.fileno(), data) :]
            except BlockingIOError:
                continue
            except OSError:
                self.ended()

    def receive(self) -> dict[str, Any]:
        """Read one message."""
        parts = [self.pending]
        while b"\n" not in parts[-1]:
            self.wait(self.confined.replies.fileno(), select.POLLIN)
            chunk = os.read(self.confined.replies.fileno(), 1 << 16)
            self.budget -= len(chunk)
            if not chunk:
                self.ended()
            if self.budget < 0:
                self.fail("limit", "the limit on output was reached")
            parts.append(chunk)
        line, _, self.pending = b"".join(parts).partition(b"\n")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        return message if isinstance(message, dict) else self.fail("exception", "the program broke the protocol")

    def wait(self, descriptor: int, event: int) -> None:
        """Wait until a pipe is ready."""
        poll = select.poll()
        poll.register(descriptor, event)
        left = self.deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            self.fail("time_out", "the time limit was reached")

    def ended(self) -> NoReturn:
        """Say how the program ended."""
        self.confined.kill()  # it may have closed its pipe and live on
        status = self.confined.end()
        if was_cpu(status):
            self.fail("time_out", "the limit on CPU time was reached")
        self.fail("exception", "the program ended before it answered")

    def fail(self, outcome: str, detail: str) -> NoReturn:
        """End the conversation: from now on every use of the answer raises the same."""
        self.over = Over(outcome, detail)
        raise self.over


class Remote:
    """Something in the sandbox that is no plain data. Only what Python's own protocols need is defined here."""

    __slots__ = ("_remote_channel", "_remote_number")

    def __init__(self, channel: Channel, number: int) -> None:
        object.__setattr__(self, "_remote_channel", channel)
        object.__setattr__(self, "_remote_number", number)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__name__", "__wrapped__"):
            raise AttributeError(name)
        return ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        ask("delattr", self, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        channel: Channel = object.__getattribute__(self, "_remote_channel")
        return channel.request("call", self, *args, **kwargs)

    def __eq__(self, other: object) -> bool:
        # An answer's __eq__ is asked only about its own objects, never about what the check expects.
        if type(other) is not Remote:
            return NotImplemented
        return number_of(self) == number_of(other) or ask("eq", self, other) is True

    def __hash__(self) -> int:
        return hash(number_of(self))

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = ask("iter", self)
        return found

    def __exit__(self, kind: type | None, error: object, trace: object) -> Any:
        return ask("exit", self, next(filter(builtin_name, kind.__mro__)) if kind else None)

    def __instancecheck__(self, instance: Any) -> bool:
        return type(instance) is Remote and ask("isinstance", instance, self) is True

    def __subclasscheck__(self, kind: Any) -> bool:
        return type(kind) is Remote and ask("issubclass", kind, self) is True


def number_of(remote: Remote) -> int:
    """Return the number by which the sandbox knows a stand-in."""
    number: int = object.__getattribute__(remote, "_remote_number")
    return number


def ask(operation: str, remote: Remote, *args: Any) -> Any:
    """Do one operation on what `remote` stands for."""
    channel: Channel = object.__getattribute__(remote, "_remote_channel")
    return channel.request(operation, remote, *args)


def _method(operation: str) -> Callable[..., Any]:
    return lambda self, *args: ask(operation, self, *args)


def _ordering(operation: str) -> Callable[[Remote, Any], Any]:
    return lambda self, other: ask(operation, self, other) if type(other) is Remote else NotImplemented


def _reflected(operation: str) -> Callable[[Remote, Any], Any]:
    def method(self: Remote, other: Any) -> Any:
        channel: Channel = object.__getattribute__(self, "_remote_channel")
        return channel.request(operation, other, self)

    return method


_METHODS = "next len bool str repr int float index round reversed abs neg pos invert contains getitem setitem delitem"
_BINARY = "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift"
for _name in [*_METHODS.split(), "enter"]:
    setattr(Remote, f"__{_name}__", _method(_name))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Remote, f"__{_name}__", _ordering(_name))
for _name in _BINARY.split():
    setattr(Remote, f"__{_name.rstrip('_')}__", _method(_name))
    setattr(Remote, f"__r{_name.rstrip('_')}__", _reflected(_name))
for _name in ("iadd", "isub", "imul"):
    setattr(Remote, f"__{_name}__", _method(_name))


class Solution(types.ModuleType):
    """The module that a check imports as `solution`."""

    def __init__(self, module: Remote) -> None:
        super().__init__("solution")
        self.__dict__["_module"] = module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return getattr(self.__dict__["_module"], name)
        except AttributeError:
            channel: Channel = object.__getattribute__(self.__dict__["_module"], "_remote_channel")
            channel.fail("exception", f"the code does not define {name}")


def install(module: Remote) -> None:
    """Make `import solution` give the answer's module."""
    sys.modules["solution"] = Solution(module)
