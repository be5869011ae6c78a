"""Stage 3: data/teacher_data.jsonl → data/{train,val,heldout}.jsonl, in the student's chat format.

Rows are `id`, `prompt` (messages) and `completion` (messages). What must not be trained on is left out, counted by
reason and listed by id in metrics/format.json: answers that were cut off, refused, unfinished or empty, code that does
not parse, duplicates, text that holds the chat format's own tokens and could forge turns, examples that the chat format
cannot hold otherwise, and those longer than `max_length`: nothing is shortened. With `verify` answers that do not do
what they claim are left out, too. White space around an answer is no part of it. Training and validation are split by
base prompt, by hash, so that a prompt and its modified twins stay on one side, and adding a prompt moves no other.

Held-out prompts go to a file of their own, with what generate and evaluate need of them and of the teacher's answers,
and no more, so that a new training prompt reruns nothing of theirs; none of them is left out.

Answers are streamed: in memory are about 16 bytes for each that is kept, to find duplicates, and the ids of those that
are not. Many are filtered and encoded on all cores, batch by batch; the bytes that come out are the same.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from distill.common import cli
from distill.common.config import Megabytes, Model, Number, profile, section
from distill.common.errors import InputError
from distill.common.jsonl import Row, read_jsonl, row_writer, write_json, write_jsonl
from distill.format.examples import REASONS, Example, Tally
from distill.format.near_duplicates import NearDuplicates, prompt_and_answer, sketches
from distill.format.workers import in_order
from distill.shared.code_blocks import syntax_error
from distill.shared.seen import Seen
from distill.shared.stop_reasons import COMPLETE, DROPPED_AS, UNKNOWN
from distill.student.batch import encode_batch
from distill.student.chat import Encoded, Unfit, encode_prompt
from distill.student.model import StudentProfile, load_tokenizer

if TYPE_CHECKING:
    from distill.format.verify import Verification

PROMPTS = Path("data/prompts.jsonl")
TEACHER_DATA = Path("data/teacher_data.jsonl")
TRAIN = Path("data/train.jsonl")
VAL = Path("data/val.jsonl")
HELD_OUT = Path("data/heldout.jsonl")
METRICS = Path("metrics/format.json")


class FormatParams(Model):
    """The section `format` of params.yaml."""

    max_length: Annotated[int, Field(ge=16)]
    val_share: Annotated[Number, Field(ge=0, lt=1)]
    split_seed: int
    min_kept_share: Annotated[Number, Field(ge=0, le=1)]
    drop_broken_code: bool
    near_duplicates: Annotated[Number, Field(gt=0, le=1)] | None
    shard_mb: Megabytes
    system: str | None
    verify: bool = False
    prefer: Literal["first", "shortest"] = "first"


def main() -> None:
    """Command line: `python -m distill.format`."""
    args = cli.parser(__doc__).parse_args()
    params = section(FormatParams, "format", args.params)
    _, student = profile(StudentProfile, "student", args.params)
    check_system(_tokenizer(student), params.system)
    heldout = held_out(PROMPTS, TEACHER_DATA, params.system)
    near = None if params.near_duplicates is None else NearDuplicates(params.near_duplicates, heldout)
    examined = in_order(partial(_examine, student, params), read_teacher_data(PROMPTS, TEACHER_DATA))
    examples = without_duplicates(chain.from_iterable(examined), near)
    verification = to_verify(params)
    tally = write(verification.examples(examples) if verification else examples, params)
    write_jsonl(HELD_OUT, heldout)
    write_json(METRICS, tally.metrics() | ({"verify": verification.metrics()} if verification else {}))
    train, val = tally.train.examples, tally.val.examples
    print(f"{TRAIN}: {train} examples, {VAL}: {val}, dropped: {tally.answers - tally.kept}")
    if not val and params.val_share:
        print("note: no base prompt fell on the validation side; training goes without a validation loss")


def read_teacher_data(prompts: Path, teacher_data: Path) -> Iterator[tuple[Row, str]]:
    """Yield each training answer with its base prompt's name; both files have one order."""
    known = ((row["id"], row["base"]) for row in read_jsonl(prompts, ("id", "base")))
    id_ = base = None
    for row in read_jsonl(teacher_data, ("id", "split", "prompt", "completion", "stop_reason")):
        while row["id"] != id_:
            if (found := next(known, None)) is None:
                raise InputError(
                    f"{teacher_data}: the id '{row['id']}' is not in {prompts}, or not in its order; run `dvc repro`"
                )
            id_, base = found
        if row["split"] == "train":
            yield row, str(base)


def held_out(prompts: Path, teacher_data: Path, system: str | None) -> list[Row]:
    """Return the rows of heldout.jsonl, in the teacher data's order; of several answers to one prompt, the first.

    Raises:
        InputError: A prompt has no answer, or an answer no prompt.
    """
    rows = read_jsonl(prompts, ("id", "base", "group", "split"))
    known = {row["id"]: row for row in rows if row["split"] == "heldout"}
    found: dict[str, Row] = {}
    for row in read_jsonl(teacher_data, ("id", "split", "prompt", "completion", "stop_reason")):
        if row["split"] == "heldout" and row["id"] not in found:
            if row["id"] not in known:
                raise InputError(f"{teacher_data}: the id '{row['id']}' is not in {prompts}; run `dvc repro`")
            about = {name: known[row["id"]][name] for name in ("id", "base", "group")}
            messages = to_messages(row | {"sample": 0}, system)  # which of several it is says nothing
            found[row["id"]] = about | messages | _end(row)
    if missing := [name for name in known if name not in found]:
        others = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise InputError(f"{teacher_data}: no answer to the held-out prompt '{missing[0]}'{others}; run `dvc repro`")
    return list(found.values())


def _end(row: Row) -> Row:
    return {"stop_reason": row["stop_reason"], "ended": row["stop_reason"] in COMPLETE}


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


_tokenizer = cache(lambda student: load_tokenizer(student))


def _examine(student: StudentProfile, params: FormatParams, answers: Sequence[tuple[Row, str]]) -> list[Example]:
    return examine(answers, _tokenizer(student), params)


def examine(answers: Sequence[tuple[Row, str]], tokenizer: Any, params: FormatParams) -> list[Example]:
    """Return an Example for every answer with its base prompt's name, those that are dropped included.

    Whether an answer has been there before is asked later: `without_duplicates`.
    """
    examples = [Example(to_messages(row, params.system), base, dropped=why_dropped(row, params))
                for row, base in answers]  # fmt: skip
    left = [example for example in examples if example.dropped is None]
    encoded = iter(encode_batch(tokenizer, [(example.row["prompt"], example.row["completion"]) for example in left]))
    return [example if example.dropped else _fitted(example, next(encoded), params) for example in examples]


def _fitted(example: Example, encoded: Encoded | Unfit, params: FormatParams) -> Example:
    """Return what becomes of an answer that is worth training on: whether the student's chat format can hold it."""
    if params.near_duplicates is not None:
        example = replace(example, sketches=tuple(sketches(prompt_and_answer(example.row))))
    if isinstance(encoded, Unfit):
        return replace(example, dropped=encoded.reason, problem=str(encoded))
    tokens = len(encoded.ids)
    dropped = "too_long" if tokens > params.max_length else None
    return replace(example, tokens=tokens, answer_tokens=encoded.answer_tokens, dropped=dropped)


def to_messages(row: Row, system: str | None) -> Row:
    """Return a teacher's answer as a row of train.jsonl; several samples of a prompt get ids of their own."""
    sample = row.get("sample", 0)
    head = [{"role": "system", "content": system}] if system else []
    return {
        "id": f"{row['id']}#{sample}" if sample else row["id"],
        "prompt": [*head, {"role": "user", "content": row["prompt"]}],
        "completion": [{"role": "assistant", "content": row["completion"].strip()}],
    }


def why_dropped(row: Row, params: FormatParams) -> str | None:
    """Return the first of REASONS that an answer's row shows by itself, whatever the student, or None."""
    return next((reason for filter_ in FILTERS if (reason := filter_(row, params))), None)


def _incomplete(row: Row, params: FormatParams) -> str | None:
    """A stop reason that this program does not know (the API gets new ones) says nothing of a complete answer."""
    return DROPPED_AS.get(row["stop_reason"], UNKNOWN)


def _empty(row: Row, params: FormatParams) -> str | None:
    return None if row["completion"].strip() else "empty"


def _broken_code(row: Row, params: FormatParams) -> str | None:
    return "broken_code" if params.drop_broken_code and syntax_error(row["completion"]) else None


FILTERS: tuple[Callable[[Row, FormatParams], str | None], ...] = (_incomplete, _empty, _broken_code)
EARLY = frozenset(REASONS[: REASONS.index("duplicate")])
"""Reasons that count even for an answer that has been there before."""


def without_duplicates(examples: Iterable[Example], near: NearDuplicates | None) -> Iterator[Example]:
    """Yield all examples; those whose answer was there before are dropped. A dropped answer is nobody's original."""
    seen = Seen()
    for example in examples:
        answer = example.answer
        if example.dropped not in EARLY:
            reason = "duplicate" if answer in seen else near.reason(*example.sketches) if near else None
            example = replace(example, dropped=reason, problem=None) if reason else example
        if example.dropped is None:
            seen.add(answer)
            if near:
                near.keep(example.sketches[1])
        yield example


def to_verify(params: FormatParams) -> "Verification | None":
    """Return what runs the answers, if they are to be verified."""
    if not params.verify:
        return None
    from distill.format.verify import Verification  # and with it the sandbox, which nothing else here needs

    return Verification(params.prefer)


def write(examples: Iterable[Example], params: FormatParams) -> Tally:
    """Write what is kept to train.jsonl and val.jsonl, each a file or a folder of parts, and return the counts.

    Raises:
        InputError: Too little is kept; then nothing is written.
    """
    tally = Tally(near=params.near_duplicates is not None)
    with row_writer(TRAIN, params.shard_mb) as train, row_writer(VAL, params.shard_mb) as val:
        for example in examples:
            if example.dropped:
                tally.drop(example, example.dropped)
                continue
            validation = in_validation(example.base, params)
            tally.keep(example, validation)
            (val if validation else train)(example.row)
        tally.check_enough(TEACHER_DATA, params.min_kept_share)
    return tally


def in_validation(base: str, params: FormatParams) -> bool:
    """Whether a base prompt falls on the validation side: its hash, as a number in [0, 1), is below `val_share`."""
    digest = hashlib.sha256(f"{params.split_seed}/{base}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < params.val_share
