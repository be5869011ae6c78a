"""Stage 3: data/teacher_data.jsonl → data/{train,val,heldout}.jsonl, in the student's chat format.

Rows are `id`, `prompt` (messages) and `completion` (messages). What must not be trained on is left out, counted by
reason and listed by id in metrics/format.json: answers that were cut off, refused, unfinished or empty, code that does
not parse, duplicates, text that holds the chat format's own tokens and could forge turns, examples that the chat format
cannot hold otherwise, and those longer than `max_length`: nothing is shortened. With `verify` answers that do not do
what they claim are left out, too. White space around an answer is no part of it. Training and validation are split by
base prompt, by hash, so that a prompt and its modified twins stay on one side, and adding a prompt moves no other.

Held-out prompts go to a file of their own, with what generate and evaluate need of them and of the teacher's answers,
and no more, so that a new training prompt reruns nothing of theirs; none of them is left out.
"""

import hashlib
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from distill.common import cli
from distill.common.config import Model, Number, profile, section
from distill.common.errors import InputError
from distill.common.jsonl import Row, read_jsonl, write_json, write_jsonl
from distill.shared.code_blocks import syntax_error
from distill.shared.stop_reasons import COMPLETE, DROPPED_AS, UNKNOWN
from distill.student.chat import Unfit, encode, encode_prompt
from distill.student.model import StudentProfile, load_tokenizer

PROMPTS = Path("data/prompts.jsonl")
TEACHER_DATA = Path("data/teacher_data.jsonl")
TRAIN = Path("data/train.jsonl")
VAL = Path("data/val.jsonl")
HELD_OUT = Path("data/heldout.jsonl")
METRICS = Path("metrics/format.json")

REASONS = ("truncated", "refused", "unfinished", "empty", "broken_code", "duplicate", "special_tokens", "unfit",
           "too_long")  # fmt: skip
UNVERIFIED, SURPLUS = "unverified", "surplus"
"""With `verify`: the answer does not do what it claims; another answer to its prompt is kept."""


class FormatParams(Model):
    """The section `format` of params.yaml."""

    max_length: Annotated[int, Field(ge=16)]
    val_share: Annotated[Number, Field(ge=0, lt=1)]
    split_seed: int
    min_kept_share: Annotated[Number, Field(ge=0, le=1)]
    drop_broken_code: bool
    system: str | None
    verify: bool = False
    prefer: Literal["first", "shortest"] = "first"


@dataclass(frozen=True)
class Example:
    """One teacher's answer on its way to the training data; `dropped` says why it does not get there.

    Tokens are counted where an answer got so far as to be encoded; `problem` says in words why it could not be.
    """

    row: Row
    base: str
    tokens: int = 0
    answer_tokens: int = 0
    dropped: str | None = None
    problem: str | None = None


def main() -> None:
    """Command line: `python -m distill.format`."""
    args = cli.parser(__doc__).parse_args()
    params = section(FormatParams, "format", args.params)
    _, student = profile(StudentProfile, "student", args.params)
    found = to_examples(read_teacher_data(PROMPTS, TEACHER_DATA), load_tokenizer(student), params)
    examples, verified = verify(found, params)
    kept = check_enough(examples, params)
    validation = [example for example in kept if in_validation(example.base, params)]
    training = [example for example in kept if not in_validation(example.base, params)]
    if not training:
        raise InputError("params.yaml: format.val_share: no example is left to train on; lower it, or add prompts")
    write_jsonl(TRAIN, (example.row for example in training))
    write_jsonl(VAL, (example.row for example in validation))
    write_jsonl(HELD_OUT, held_out(PROMPTS, TEACHER_DATA, params.system))
    write_json(METRICS, metrics(examples, training, validation) | verified)
    print(f"{TRAIN}: {len(training)} examples, {VAL}: {len(validation)}, dropped: {len(examples) - len(kept)}")
    if not validation and params.val_share:
        print("note: no base prompt fell on the validation side; training goes without a validation loss")


def read_teacher_data(prompts: Path, teacher_data: Path) -> Iterator[tuple[Row, str]]:
    """Yield each training answer with its base prompt's name."""
    bases = {row["id"]: row["base"] for row in read_jsonl(prompts, ("id", "base"))}
    for row in read_jsonl(teacher_data, ("id", "split", "prompt", "completion", "stop_reason")):
        if row["split"] != "train":
            continue
        if row["id"] not in bases:
            raise InputError(f"{teacher_data}: the id '{row['id']}' is not in {prompts}; run `dvc repro`")
        yield row, bases[row["id"]]


def held_out(prompts: Path, teacher_data: Path, system: str | None) -> list[Row]:
    """Return the rows of heldout.jsonl, in the teacher data's order; of several answers to one prompt, the first.

    Raises:
        InputError: A prompt has no answer, or an answer no prompt.
    """
    known = {row["id"]: row for row in read_jsonl(prompts, ("id", "base", "group", "split"))}
    found: dict[str, Row] = {}
    for row in read_jsonl(teacher_data, ("id", "split", "prompt", "completion", "stop_reason")):
        if row["split"] == "heldout" and row["id"] not in found:
            if row["id"] not in known:
                raise InputError(f"{teacher_data}: the id '{row['id']}' is not in {prompts}; run `dvc repro`")
            about = {name: known[row["id"]][name] for name in ("id", "base", "group")}
            messages = to_messages(row | {"sample": 0}, system)  # which of several it is says nothing
            found[row["id"]] = about | messages | _end(row)
    missing = [name for name, row in known.items() if row["split"] == "heldout" and name not in found]
    if missing:
        others = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise InputError(f"{teacher_data}: no answer to the held-out prompt '{missing[0]}'{others}; run `dvc repro`")
    return list(found.values())


def _end(row: Row) -> Row:
    return {"stop_reason": row["stop_reason"], "ended": row["stop_reason"] in COMPLETE}


def to_examples(rows: Iterable[tuple[Row, str]], tokenizer: Any, params: FormatParams) -> Iterator[Example]:
    """Yield an Example for every answer, those that are dropped included.

    Raises:
        InputError: The student's chat format cannot hold the system prompt.
    """
    check_system(tokenizer, params.system)
    seen: set[str] = set()
    for row, base in rows:
        formatted = to_messages(row, params.system)
        if reason := why_dropped(row, seen, params):
            yield Example(formatted, base, dropped=reason)
            continue
        example = _encoded(formatted, base, tokenizer, params.max_length)
        if example.dropped is None:
            seen.add(_normalised(row["completion"]))
        yield example


def check_system(tokenizer: Any, system: str | None) -> None:
    """Find out whether the student's chat format can hold the system prompt, which all examples share.

    Raises:
        InputError: It cannot.
    """
    if system:
        try:
            encode_prompt(tokenizer, [{"role": "system", "content": system}, {"role": "user", "content": "x"}])
        except Unfit as error:
            raise InputError(f"params.yaml: format.system: {error}; change it, or set it to null") from None


def _encoded(formatted: Row, base: str, tokenizer: Any, max_length: int) -> Example:
    """Return what becomes of an answer that is worth training on: whether the student's chat format can hold it."""
    try:
        encoded = encode(tokenizer, formatted["prompt"], formatted["completion"])
    except Unfit as error:
        return Example(formatted, base, dropped=error.reason, problem=str(error))
    tokens = len(encoded.ids)
    return Example(formatted, base, tokens, encoded.answer_tokens, "too_long" if tokens > max_length else None)


def to_messages(row: Row, system: str | None) -> Row:
    """Return a teacher's answer as a row of train.jsonl; several samples of a prompt get ids of their own."""
    sample = row.get("sample", 0)
    head = [{"role": "system", "content": system}] if system else []
    return {
        "id": f"{row['id']}#{sample}" if sample else row["id"],
        "prompt": [*head, {"role": "user", "content": row["prompt"]}],
        "completion": [{"role": "assistant", "content": row["completion"].strip()}],
    }


def why_dropped(row: Row, seen: set[str], params: FormatParams) -> str | None:
    """Return the first of REASONS that an answer's row shows, whatever the student, or None.

    A stop reason that this program does not know (the API gets new ones) says nothing of a complete answer.
    """
    if reason := DROPPED_AS.get(row["stop_reason"], UNKNOWN):
        return reason
    if not row["completion"].strip():
        return "empty"
    if params.drop_broken_code and syntax_error(row["completion"]):
        return "broken_code"
    return "duplicate" if _normalised(row["completion"]) in seen else None


def verify(examples: Iterator[Example], params: FormatParams) -> tuple[list[Example], Row]:
    """Return the examples, and what metrics/format.json says of their verification, if they are to be verified."""
    if not params.verify:
        return list(examples), {}
    from distill.format.verify import Verification  # and with it the sandbox, which nothing else here needs

    verification = Verification(params.prefer)
    return list(verification.examples(examples)), {"verify": verification.metrics()}


def check_enough(examples: list[Example], params: FormatParams) -> list[Example]:
    """Return the examples that are kept.

    Raises:
        InputError: Fewer than the share `min_kept_share` are, or none.
    """
    examples = [example for example in examples if example.dropped != SURPLUS]
    kept = [example for example in examples if example.dropped is None]
    if len(kept) < max(1, params.min_kept_share * len(examples)):
        counts = ", ".join(f"{reason} {len(ids)}" for reason, ids in _dropped_ids(examples).items() if ids)
        raise InputError(
            f"{TEACHER_DATA}: only {len(kept)} of {len(examples)} answers can be trained on "
            f"({counts or 'there is none'}){_first_problem(examples)}; fix the answers, or lower "
            "format.min_kept_share in params.yaml"
        )
    return kept


def _first_problem(examples: list[Example]) -> str:
    """Return what the student's chat format makes impossible, in words: if no prompt fits, it is the same for all."""
    return next((f"; {example.row['id']}: {example.problem}" for example in examples if example.problem), "")


def in_validation(base: str, params: FormatParams) -> bool:
    """Whether a base prompt falls on the validation side: its hash, as a number in [0, 1), is below `val_share`."""
    digest = hashlib.sha256(f"{params.split_seed}/{base}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < params.val_share


def metrics(examples: list[Example], training: list[Example], validation: list[Example]) -> Row:
    """Return what metrics/format.json holds: counts, lengths in the student's tokens, and who was dropped why."""
    dropped = _dropped_ids(examples)
    return {
        "answers": len(examples),
        "train": _lengths(training),
        "val": _lengths(validation),
        "dropped": {reason: len(ids) for reason, ids in dropped.items()},
        "dropped_ids": {reason: ids for reason, ids in dropped.items() if ids},
    }


def _dropped_ids(examples: list[Example]) -> dict[str, list[str]]:
    found = {example.dropped for example in examples}
    reasons = (*REASONS, *(reason for reason in (UNVERIFIED, SURPLUS) if reason in found))
    return {reason: [example.row["id"] for example in examples if example.dropped == reason] for reason in reasons}


def _lengths(examples: list[Example]) -> Row:
    lengths = [example.tokens for example in examples] or [0]
    return {
        "examples": len(examples),
        "base_prompts": len({example.base for example in examples}),
        "tokens": sum(lengths),
        "answer_tokens": sum(example.answer_tokens for example in examples),
        "tokens_min": min(lengths),
        "tokens_median": statistics.median(lengths),
        "tokens_max": max(lengths),
    }


def _normalised(completion: str) -> str:
    return " ".join(completion.split())
