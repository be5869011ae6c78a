"""Typed parameters: params.yaml (and the prompt files) read through frozen models that forbid unknown keys.

A stage asks for its own section and for the selected profile, and for nothing else, so it reads exactly what
dvc.yaml lists as its `params`. Every error is one line that names the file, the key and the fix.
"""

import difflib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from distill.common.errors import InputError

PARAMS = Path("params.yaml")
SECTIONS = frozenset(
    {"teacher", "teachers", "student", "students", "judge", "judges", "prices", "runtime"}
    | {"expand_prompts", "format", "train", "generate", "evaluate"}
)


class Model(BaseModel):
    """The base of every parameter model: frozen, strict about types, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


M = TypeVar("M", bound=Model)


def _number(value: Any) -> Any:
    # `dvc exp run -S train.learning_rate=1e-5` writes 1e-05, which YAML 1.1 reads as a string.
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Number = Annotated[float, BeforeValidator(_number)]
"""A float that also accepts `1e-05` as YAML 1.1 reads it: a string."""

Megabytes = Annotated[Number, Field(gt=0)]
"""A size of files, in millions of bytes."""

Strings = Annotated[tuple[str, ...], BeforeValidator(_tuple)]
"""A list of strings, frozen."""


def section(model: type[M], name: str, path: Path = PARAMS) -> M:
    """Return the top-level section `name` of params.yaml as a `model`.

    Raises:
        InputError: The file or section is missing, or a key is unknown, missing or of the wrong type.
    """
    params = _load_params(path)
    if name not in params:
        raise InputError(f"{path}: the section '{name}' is missing; restore it from Git")
    return parse(model, params[name], str(path), name)


def profile(model: type[M] | Mapping[str, type[M]], selector: str, path: Path = PARAMS) -> tuple[str, M]:
    """Return name and value of the profile that `selector` ('teacher', 'student', 'judge') selects among `<selector>s`.

    Args:
        model: The profile's model, or one for each value of its key `kind`.
        selector: The top-level key that holds the profile's name.
        path: The parameter file.

    Raises:
        InputError: As `section`, or there is no such profile or kind.
    """
    params = _load_params(path)
    name, profiles = params.get(selector), params.get(f"{selector}s")
    if not isinstance(profiles, dict) or not profiles:
        raise InputError(f"{path}: the section '{selector}s' is missing or empty; restore it from Git")
    if name not in profiles:
        known = ", ".join(map(str, profiles))
        raise InputError(f"{path}: {selector}: no profile named '{name}' under '{selector}s'; choose one of: {known}")
    value, place = profiles[name], f"{selector}s.{name}"
    if isinstance(model, Mapping):
        kind = str(value.get("kind", "nothing")) if isinstance(value, dict) else "nothing"
        if kind not in model:
            raise InputError(f"{path}: {place}.kind: choose one of {', '.join(model)}; found {kind}")
        model = model[kind]
    return str(name), parse(model, value, str(path), place)


def single(kind: Any, key: str, path: Path = PARAMS) -> Any:
    """Return the value of one key of a section, `section.key`, for a stage that depends on nothing else there.

    Raises:
        InputError: As `section`.
    """
    outer, _, name = key.partition(".")
    fields: Any = {name: (kind, ...)}
    model = create_model(name, __base__=Model, **fields)
    values = _load_params(path).get(outer) or {}
    return getattr(parse(model, {name: values[name]} if name in values else {}, str(path), outer), name)


def parse(model: type[M], value: Any, place: str, prefix: str = "") -> M:
    """Return `value` as a `model`; errors name `place`, its file, and `prefix`, its dotted key."""
    if value is None:
        raise InputError(f"{place}: {prefix or 'the file'}: empty; fill it in, or restore it from Git")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        # A misspelt key is also a missing one: name the misspelling.
        first = min(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        raise InputError(_describe(model, first, place, prefix)) from None


def load_yaml(path: Path) -> Any:
    """Return what the YAML file `path` holds.

    Raises:
        InputError: The file is missing, not UTF-8, not YAML, or holds a key twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)  # noqa: S506 (a SafeLoader)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run from the repository's root, or restore it from Git") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start + 1}; save the file as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(f"{path}{line}: not valid YAML ({error.problem}); fix that line") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())}); fix it") from None


class _UniqueKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's: ten times as fast
    """A SafeLoader that refuses duplicate keys, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' is there twice", key_node.start_mark
                )
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


def _load_params(path: Path) -> dict[str, Any]:
    params = load_yaml(path)
    if not isinstance(params, dict):
        raise InputError(f"{path}: must be a mapping of sections; restore it from Git")
    for name in params:
        if name not in SECTIONS:
            raise InputError(f"{path}: unknown section '{name}'{_suggest(str(name), SECTIONS)}; fix or remove it")
    return params


def _describe(model: type[Model], detail: ErrorDetails, place: str, prefix: str) -> str:
    """Return one line about a pydantic error; for an unknown key, with the keys that exist."""
    path = [str(part) for part in detail["loc"]]
    where = ".".join([part for part in [prefix] if part] + path)
    if detail["type"] == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        return f"{place}: {where}: unknown key{_suggest(path[-1], known)}; keys here: {', '.join(sorted(known))}"
    if detail["type"] == "missing":
        return f"{place}: {where}: missing; add it"
    message = detail["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(detail["input"], dict | list) else f", found {detail['input']!r}"
    return f"{place}: {where or 'the file'}: {message[0].lower() + message[1:]}{shown}"


def _fields_at(model: type[Model], path: list[str]) -> frozenset[str]:
    """Return the keys of the model nested at `path`, or of the outermost model where the path leads nowhere."""
    current: Any = model
    for part in path:
        field = getattr(current, "model_fields", {}).get(part)
        if field is None:
            break
        current = field.annotation
    fields = getattr(current, "model_fields", model.model_fields)
    return frozenset(field.alias or name for name, field in fields.items())


def _suggest(name: str, known: frozenset[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
