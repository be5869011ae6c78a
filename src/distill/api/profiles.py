"""Who answers: the profiles under `teachers` in params.yaml; and how they are asked, the section `runtime`.

Three kinds: `files` reads answers from this repository, `messages` asks any server of the Messages API, and `batches`
uses the Message Batches API. A profile's keys can change an answer; those of `runtime` cannot.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from distill.common.config import Model, Number, Strings, profile

Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[Number, Field(gt=0)]
OnThinking = Literal["drop", "keep"]

# Keys of a request that the program sets, so that `extra` must not.
RESERVED = frozenset({"model", "messages", "max_tokens", "system", "stop_sequences", "stream"})


class FilesTeacher(Model):
    """Answers in files: `<answers>/<id>.md`."""

    kind: Literal["files"]
    model: str
    answers: str


class StopPolicy(Model):
    """What to do about an incomplete answer: one whose stop reason is neither `end_turn` nor `stop_sequence`.

    `exclude`: the row keeps its stop reason, format leaves it out of training, and metrics/collect.json counts and
    lists it. `fail`: the same, and the stage fails. `retry`: try once more with `retry_max_tokens`, then `exclude`.
    A stop reason without a key here, such as a new one of the API, is excluded.
    """

    max_tokens: Literal["retry", "exclude", "fail"]
    refusal: Literal["exclude", "fail"]
    pause_turn: Literal["exclude", "fail"]
    tool_use: Literal["exclude", "fail"]
    model_context_window_exceeded: Literal["exclude", "fail"]

    def fails(self, stop_reason: str) -> bool:
        """Whether such an answer makes the stage fail."""
        return bool(getattr(self, stop_reason, None) == "fail")


class ApiTeacher(Model):
    """What the two kinds that cost money share."""

    model: str
    base_url: str | None
    key_env: str | None
    system: str | None
    cache_system: bool
    max_tokens: Positive
    retry_max_tokens: Positive
    samples: Positive
    stop_sequences: Strings
    extra: dict[str, Any]
    on_thinking: OnThinking = "drop"
    on_stop: StopPolicy

    @model_validator(mode="after")
    def _consistent(self) -> "ApiTeacher":
        if taken := RESERVED & set(self.extra):
            raise ValueError(f"'extra' must not hold {', '.join(sorted(taken))}: the profile has keys for these")
        if problem := _not_json(self.extra):
            raise ValueError(f"'extra' must hold what JSON can hold ({problem}); put quotes around a date")
        if self.on_stop.max_tokens == "retry" and self.retry_max_tokens <= self.max_tokens:
            raise ValueError("'retry_max_tokens' must be larger than 'max_tokens', or on_stop.max_tokens not 'retry'")
        if self.base_url is not None and (problem := unfit_address(self.base_url)):
            raise ValueError(f"'base_url' {problem}")
        if self.base_url is None and self.key_env is None:
            raise ValueError("'key_env' is needed where there is no 'base_url': the variable that holds the API key")
        return self


class MessagesTeacher(ApiTeacher):
    """One call for each prompt, on the Messages API."""

    kind: Literal["messages"]


class BatchesTeacher(ApiTeacher):
    """Many prompts in one batch, on the Message Batches API."""

    kind: Literal["batches"]


class RuntimeParams(Model):
    """The section `runtime`, whose keys cannot change an output."""

    concurrency: Positive
    timeout_s: Seconds
    max_attempts: Positive
    retry_wait_s: Annotated[Number, Field(ge=0)]
    max_wait_s: Seconds
    budget_usd: Annotated[Number, Field(ge=0)] | None
    poll_interval_s: Seconds
    adopt_wait_s: Annotated[Number, Field(ge=0)]
    batch_max_requests: Annotated[int, Field(ge=1, le=100_000)]
    batch_max_bytes: Annotated[int, Field(ge=1_000, le=256_000_000)]
    expected_output_tokens: Positive
    hydrate: bool
    generate_processes: Positive  # read by generate


Teacher = FilesTeacher | MessagesTeacher | BatchesTeacher
KINDS: dict[str, type[FilesTeacher] | type[MessagesTeacher] | type[BatchesTeacher]] = {
    "files": FilesTeacher,
    "messages": MessagesTeacher,
    "batches": BatchesTeacher,
}


def unfit_address(url: str) -> str | None:
    """Return why `url` cannot be a server's address, or None. The reason never quotes it: it may hold a secret."""
    if not url.startswith(("http://", "https://")):
        return "must start with http:// or https://"
    try:
        parts = urlsplit(url)
        known = parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known:
        return "is not valid; check host and port"
    # The address is stored with every call, and shown in errors.
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "must hold neither user, password nor query; put the key into the variable that 'key_env' names"
    return None


def _not_json(value: Any) -> str | None:
    """Return why `value` cannot be sent as JSON, or None."""
    try:
        json.dumps(value, allow_nan=False, sort_keys=True, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        return str(error)
    return None


def load(params: Path) -> tuple[str, Teacher]:
    """Return name and profile of the selected teacher.

    Raises:
        InputError: No such profile, or one of its keys is unknown, missing or of the wrong type.
    """
    return profile(KINDS, "teacher", params)
