"""The kind `json`: an answer that is, or begins with, a JSON document, and a JSON Schema that it must satisfy.

    kind: json
    where: header                # block: the first ```json block; header: the answer begins with it; text: it is it
    schema:
      type: object
      required: [priority]
      additionalProperties: false
      properties: {priority: {enum: [low, high]}}

`const` and `enum` in the schema say which values are right. A key that stands twice, NaN and numbers out of range are
no JSON. Patterns mean what they mean in JSON Schema: `$` is the very end, and `\\d` and `\\w` are ASCII's. The document
is read and compared inside a sandbox, with its limits: it may be nested without end, and a pattern may take long.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any, Literal

from jsonschema import SchemaError
from jsonschema.validators import Draft202012Validator, validator_for
from jsonschema_specifications import REGISTRY
from pydantic import Field, field_validator
from referencing import Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from distill.common.config import Model, parse
from distill.sandbox import programs
from distill.sandbox.conversation import Sandbox, Verdict
from distill.sandbox.kinds import parts
from distill.sandbox.kinds.texts import reported
from distill.sandbox.programs import Program
from distill.shared.code_blocks import JSON

FORMATS = frozenset({"date", "ipv4", "ipv6", "regex", "uuid"})
"""The formats that jsonschema checks with nothing else installed. It ignores others, and takes any @ for an email."""
_DATA = ("const", "default", "enum", "examples")
_PATTERN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)
"""What may hold a dollar sign that is none, an escape or a class, or one."""
_ANYTHING: tuple[object, ...] = (None, True, 0, "", [], {})
_PACKAGES = ("jsonschema", "jsonschema_specifications", "referencing", "rpds", "attr", "attrs", "typing_extensions")


class JsonCheck(Model):
    """A file of the kind `json`."""

    kind: Literal["json"]
    where: Literal["block", "header", "text"]
    rules: dict[str, Any] = Field(alias="schema")

    @field_validator("rules")
    @classmethod
    def _is_one(cls, schema: dict[str, Any]) -> dict[str, Any]:
        for part in _parts(schema):
            _check_part(part)
        schema = _translated(schema)
        kind = _validator(schema)
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"it is no JSON Schema: {error.json_path}: {error.message}") from None
        _check_references(schema)
        try:
            anything = all(kind(schema, registry=REGISTRY).is_valid(value) for value in _ANYTHING)
        except RecursionError:
            raise ValueError("it refers to itself without end; remove a $ref") from None
        if anything:
            raise ValueError("it allows anything, so every document would pass; say what is required")
        return schema

    def prepare(self, answer: str, whole: bool) -> str | Verdict:
        """Return the text that must hold the document; see `checks.Check`."""
        if self.where != "block":
            return answer.strip()
        found = parts.block(answer, *JSON)
        return Verdict.of("no_code", "the answer has no JSON block") if found is None else found

    def judge(self, prepared: str, sandbox: Sandbox, stop: Event) -> Verdict:
        """Put the document to the schema; see `checks.Check`."""
        job = {"text": prepared, "header": self.where == "header", "schema": self.rules}
        return reported(sandbox, program(), job, stop)


@functools.cache
def program() -> Program:
    """Return the program that puts a document to a schema."""
    return programs.made("distill.sandbox.inside.document", packages=_PACKAGES)


def read(value: Any, path: Path) -> JsonCheck:
    """Return the check that a file's value is."""
    return parse(JsonCheck, value, str(path))


def _parts(schema: Any) -> Iterator[dict[Any, Any]]:
    """Yield the mappings of a schema, but not those that are data."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key not in _DATA:
                yield from _parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _parts(value)


def _translated(schema: Any) -> Any:
    """Return a schema whose patterns mean to Python what they mean to JSON Schema."""
    if isinstance(schema, list):
        return [_translated(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    new = {key: value if key in _DATA else _translated(value) for key, value in schema.items()}
    if isinstance(new.get("pattern"), str):
        new["pattern"] = _pattern(new["pattern"])
    if isinstance(by_pattern := new.get("patternProperties"), dict):
        new["patternProperties"] = {_pattern(key): value for key, value in by_pattern.items()}
    return new


def _pattern(text: str) -> str:
    return "(?a:" + _PATTERN.sub(lambda found: r"\Z" if found[0] == "$" else found[0], text) + ")"


def _check_part(part: dict[Any, Any]) -> None:
    if wrong := [key for key in part if not isinstance(key, str)]:
        raise ValueError(f"the key {wrong[0]!r} is no text; quote it")
    if isinstance(part.get("format"), str) and part["format"] not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise ValueError(f"the format '{part['format']}' is not checked here; use one of {known}, or a pattern")


def _validator(schema: dict[str, Any]) -> Any:
    found = validator_for(schema, default=None) if "$schema" in schema else Draft202012Validator
    if found is None:
        raise ValueError(f"the $schema {schema['$schema']!r} is not known; leave it out")
    return found


def _check_references(schema: dict[str, Any]) -> None:
    resource: Resource[Any] = Resource.from_contents(schema, default_specification=DRAFT202012)
    name = resource.id() or ""
    resolver = REGISTRY.with_resource(name, resource).crawl().resolver(name)
    for part in _parts(schema):
        try:
            if isinstance(reference := part.get("$ref"), str):
                resolver.lookup(reference)
        except Unresolvable:
            raise ValueError(f"the $ref {reference!r} leads nowhere; fix it") from None
