"""What an answer defines, as a hidden check sees it: stand-ins whose every use is a question to the sandbox.

In: a channel to a confined `distill.sandboxed`. Out: a module `solution` whose functions can be called, whose classes
can be made objects of, and so on. Plain data come as copies of the builtin types, so comparing them happens here and
is out of the answer's reach; a list, dict or set that the answer changed is changed here too. Anything else is a
`Remote`, which equals and orders with nothing but other stand-ins. Exceptions are raised as the nearest builtin class,
and as those of the answer's own classes that the check has imported.

What it will not do: tell an object that the answer returns twice from its copies, or let a check derive from a class.
"""

import builtins
import sys
import types
from collections.abc import Callable, Generator, Iterator
from typing import Any, NoReturn

from distill.channel import BROKEN, Channel
from distill.codec import builtin_name, decode, encode

_UNRAISABLE = ("StopIteration", "StopAsyncIteration")  # they would end the check's own loops early


class CheckError(Exception):
    """The hidden check itself is wrong."""


class RemoteError(Exception):
    """Mixed into every exception that the answer raised; attributes are those of the answer's exception."""

    remote_name = ""
    remote_text = ""
    remote_original: "Remote | None" = None

    def __str__(self) -> str:
        return self.remote_text

    def __getattr__(self, name: str) -> Any:
        if self.remote_original is None or name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.remote_original, name)


class Session:
    """Requests to one answer's code: encodes what is asked, and returns or raises what comes back."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.functions: list[Callable[..., Any]] = []
        self.kinds: dict[int, type[Exception]] = {}

    def load(self, sources: list[str]) -> "Remote":
        """Load the answer's code and return its module."""
        module = self.result(self.channel.exchange({"load": sources}), [], {})
        return module if isinstance(module, Remote) else self.channel.fail("exception", BROKEN)

    def request(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Do one operation of `distill.sandboxed.OPERATIONS` in the sandbox; return or raise what it does."""
        reply = self.channel.exchange({"op": operation, "args": self.encode([list(args), kwargs])})
        while "callback" in reply:
            reply = self.channel.exchange(self.call_back(reply))
        return self.result(reply, list(args), kwargs)

    def result(self, reply: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Return or raise what a reply says, after changing the arguments that the answer changed."""
        if "args" in reply:
            write_back([args, kwargs], self.decode(reply["args"]))
        if "ok" in reply:
            return self.decode(reply["ok"])
        if reply.get("stop"):
            raise StopIteration
        return self.throw(reply)

    def throw(self, reply: dict[str, Any]) -> NoReturn:
        """Raise the exception nearest to the one that the answer raised."""
        bases, name = reply.get("raise"), str(reply.get("name"))[:60]
        if not isinstance(bases, list):
            self.channel.fail("exception", BROKEN)
        known = [base for base in bases if isinstance(base, str | int)]
        if "MemoryError" in known:
            self.channel.fail("limit", "the memory limit was reached")
        own = [self.kinds[base] for base in known if isinstance(base, int) and base in self.kinds]
        builtin = builtin_bases(known)
        if not builtin:  # SystemExit and the like
            self.channel.fail("exception", f"{name} was raised")
        text = str(reply.get("text"))
        kind: Any = type(builtin[0].__name__, (RemoteError, *own, *builtin), {"remote_name": name, "remote_text": text})
        error = kind.__new__(kind, text)
        error.remote_original = Remote(self, reply["self"]) if type(reply.get("self")) is int else None
        raise error

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
        if value in self.kinds.values():
            return ["r", next(number for number, kind in self.kinds.items() if kind is value)]
        if not callable(value):
            raise CheckError(f"it passes a {type(value).__name__}, which cannot be sent to the answer")
        self.functions.append(value)
        return ["c", len(self.functions) - 1]

    def decode(self, data: Any) -> Any:
        """Decode a reply's value; one that encodes nothing ends the conversation."""
        try:
            return decode(data, self._decode_other)
        except (ValueError, TypeError, LookupError, RecursionError, AttributeError):
            self.channel.fail("exception", BROKEN)

    def _decode_other(self, tag: str, rest: list[Any]) -> Any:
        if tag == "e" and (bases := builtin_bases(rest[1])):
            return self.kinds.setdefault(rest[0], type(bases[0].__name__, bases, {}))
        return self.functions[rest[0]] if tag == "c" else Remote(self, rest[0])


def builtin_bases(bases: list[str | int]) -> tuple[type[Exception], ...]:
    """Return which builtin classes of exceptions stand for some bases, nearest first: none is a base of another."""
    found: list[type[Exception]] = []
    for base in bases:
        kind = builtins.__dict__.get(base) if isinstance(base, str) and base not in _UNRAISABLE else None
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, ExceptionGroup):
            found += [] if any(issubclass(known, kind) for known in found) else [kind]
    return tuple(found)


def write_back(old: Any, new: Any) -> Any:
    """Give `old` the contents of `new`, keeping the identity of what is mutable in it; return what stands for both."""
    if isinstance(old, list) and isinstance(new, list):
        shared = [write_back(*pair) for pair in zip(old, new, strict=False)]
        old[:] = shared + new[len(shared) :]
    elif isinstance(old, dict) and isinstance(new, dict):
        merged = {key: write_back(old.get(key), value) for key, value in new.items()}
        old.clear()
        old.update(merged)
    elif isinstance(old, set) and isinstance(new, set):
        old.clear()
        old.update(new)
    elif isinstance(old, bytearray) and isinstance(new, bytearray):
        old[:] = new
    elif isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        return tuple(write_back(*pair) for pair in zip(old, new, strict=True))
    else:
        return old if callable(old) else new
    return old


class Remote:
    """Something in the sandbox that is no plain data. Only what Python's own protocols need is defined here."""

    __slots__ = ("_remote_number", "_remote_session")

    def __init__(self, session: Session, number: int) -> None:
        object.__setattr__(self, "_remote_session", session)
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
        session: Session = object.__getattribute__(self, "_remote_session")
        return session.request("call", self, *args, **kwargs)

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

    def __await__(self) -> Generator[None, None, Any]:
        return ask("await", self)
        yield  # the sandbox has an event loop of its own

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
    session: Session = object.__getattribute__(remote, "_remote_session")
    return session.request(operation, remote, *args)


def _method(operation: str) -> Callable[..., Any]:
    return lambda self, *args: ask(operation, self, *args)


def _ordering(operation: str) -> Callable[[Remote, Any], Any]:
    return lambda self, other: ask(operation, self, other) if type(other) is Remote else NotImplemented


def _reflected(operation: str) -> Callable[[Remote, Any], Any]:
    def method(self: Remote, other: Any) -> Any:
        session: Session = object.__getattribute__(self, "_remote_session")
        return session.request(operation, other, self)

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

    def __init__(self, session: Session, module: Remote) -> None:
        super().__init__("solution")
        self.__dict__["_answer"] = session, module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        session, module = self.__dict__["_answer"]
        try:
            return getattr(module, name)
        except AttributeError:
            session.channel.fail("exception", f"the code does not define {name}")


def install(session: Session, sources: list[str]) -> None:
    """Load an answer's code and make `import solution` give its module."""
    sys.modules["solution"] = Solution(session, session.load(sources))
