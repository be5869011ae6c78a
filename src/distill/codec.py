"""How values cross between the judge and the sandbox; both use this file, and it needs the standard library alone.

Values cross as JSON. None, bool, float, str and small int are themselves; a JSON list is a tagged value: "l" list,
"t" tuple, "s" set, "f" frozenset, "d" dict (pairs), "b" bytes, "a" bytearray, "i" large int (hex), "R" range, "n" a
builtin class by its name; "r" an object in the sandbox, "e" an exception class in the sandbox, "c" a function of the
judge, by number. Subclasses (Counter, namedtuple, IntEnum) cross as the builtin class that they derive from.

What is decoded is of builtin types exactly, so that no method of an answer's class runs on the judge's side.
"""

import builtins
from collections.abc import Callable
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
    if issubclass(kind := type(value), int):  # not isinstance: an object can lie about its __class__
        plain = int.__int__(value)
        return plain if -_SAFE_INT < plain < _SAFE_INT else ["i", hex(plain)]
    if issubclass(kind, float):
        return float.__float__(value)
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, dict):
        pairs = list(dict.items(value))
        return ["d", *([encode(key, other, depth + 1), encode(item, other, depth + 1)] for key, item in pairs)]
    for tag, base in _ITERABLES:
        if issubclass(kind, base):
            return [tag, *(encode(item, other, depth + 1) for item in base.__iter__(value))]  # type: ignore[attr-defined]
    return _encode_rare(value, kind, other)


def _encode_rare(value: Any, kind: type, other: Callable[[Any], Any]) -> Any:
    if kind in (bytes, bytearray):
        return ["b" if kind is bytes else "a", value.hex()]
    if kind is range:
        return ["R", hex(value.start), hex(value.stop), hex(value.step)]
    if issubclass(kind, type) and builtin_name(value):
        return ["n", builtin_name(value)]
    return other(value)


def builtin_name(kind: type) -> str:
    """Return the name by which `builtins` knows a class, '' if it does not."""
    name: str = type.__dict__["__name__"].__get__(kind)  # a metaclass cannot give another
    return name if builtins.__dict__.get(name) is kind else ""


def decode(data: Any, other: Callable[[str, list[Any]], Any]) -> Any:
    """Return the value that `data` encodes; `other` gives what the tags "r", "e" and "c" and their contents stand for.

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


def _decode_rare(tag: Any, rest: list[Any], other: Callable[[str, list[Any]], Any]) -> Any:
    if tag == "i":
        return int(rest[0], 16)
    if tag in ("b", "a"):
        return (bytes if tag == "b" else bytearray).fromhex(rest[0])
    if tag == "R":
        return range(*(int(part, 16) for part in rest))
    if tag == "n" and isinstance(kind := builtins.__dict__[rest[0]], type):
        return kind
    if tag in ("r", "e", "c") and type(rest[0]) is int:
        return other(tag, rest)
    raise ValueError("unknown tag")
