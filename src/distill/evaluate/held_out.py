"""The held-out prompts with the teacher's answers, and the training texts that they must not share.

In: data/prompts.jsonl, data/teacher_data.jsonl, data/train.jsonl. Out: `HeldOut` rows in the teacher data's order, the
training texts by id, and the system prompt that the student was trained with.

Each prompt is answered by the students. The likelihood of the teacher's answer is left out where that has no meaning:
the teacher did not end its turn, or the student's chat format cannot hold the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.common.errors import InputError
from distill.common.jsonl import Row, read_jsonl
from distill.evaluate.overlap import Report, documents, longest_shared_run
from distill.student.chat import Encoded, Messages, Unfit, encode, encode_prompt, encode_text

FINISHED = ("end_turn", "stop_sequence")


@dataclass(frozen=True)
class HeldOut:
    """A held-out prompt, its group (`heldout-easy`, ...), and the teacher's answer with its stop reason."""

    id: str
    base: str
    group: str
    prompt: str
    answer: str
    stop_reason: str

    @property
    def ended(self) -> bool:
        """Whether the teacher ended its turn: the answer was not cut off, and not refused."""
        return self.stop_reason in FINISHED


@dataclass(frozen=True)
class Question:
    """A held-out prompt as ids; `example` has the teacher's answer too, or `unscored` says why it has none."""

    prompt: tuple[int, ...]
    answer_tokens: int
    example: Encoded | None
    unscored: str | None = None


@dataclass(frozen=True)
class Training:
    """What the student was trained on: rows of id, prompt and completion as texts, and the system prompt."""

    rows: list[Row]
    system: str | None


def read(prompts: Path, teacher_data: Path) -> list[HeldOut]:
    """Return the held-out prompts; of several answers to one, the first.

    Raises:
        InputError: There are fewer than two, one is not in `prompts`, or one has no answer.
    """
    known = {row["id"]: row for row in read_jsonl(prompts, ("id", "base", "group", "split"))}
    found: dict[str, HeldOut] = {}
    for row in read_jsonl(teacher_data, ("id", "split", "prompt", "completion", "stop_reason")):
        if row["split"] == "heldout" and row["id"] not in found:
            found[row["id"]] = _heldout(row, known, f"{teacher_data}: the id '{row['id']}' is not in {prompts}")
    missing = [name for name, row in known.items() if row["split"] == "heldout" and name not in found]
    if missing:
        others = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise InputError(f"{teacher_data}: no answer to the held-out prompt '{missing[0]}'{others}; run `dvc repro`")
    if len(found) < 2:
        raise InputError(f"{teacher_data}: {len(found)} held-out prompts, and two are the least that can be compared; "
                         "add some to data/prompts, or raise expand_prompts.max_heldout in params.yaml")  # fmt: skip
    return list(found.values())


def read_training(train: Path) -> Training:
    """Return the training examples as texts.

    Raises:
        InputError: The file is missing or corrupt, or holds no example.
    """
    rows, system = [], None
    for row in read_jsonl(train, ("id", "prompt", "completion")):
        texts = {"prompt": _text(row["prompt"], "user"), "completion": _text(row["completion"], "assistant")}
        rows.append({"id": row["id"], **texts})
        system = _text(row["prompt"], "system") or None
    if not rows:
        raise InputError(f"{train}: no training example; run `dvc repro format`")
    return Training(rows, system)


def check_leakage(heldout: Sequence[HeldOut], training: Training, limit: int) -> Report:
    """Compare every held-out prompt and answer with every training prompt and answer.

    Raises:
        InputError: One shares a run of `limit` words or more.
    """
    rows = [{"id": row.id, "prompt": row.prompt, "completion": row.answer} for row in heldout]
    report = longest_shared_run(documents(rows), documents(training.rows), limit)
    if report.over:
        name, run = max(report.over.items(), key=lambda item: item[1].words)
        raise InputError(f"leakage: {len(report.over)} held-out texts share {limit} words in a row or more with the "
                         f"training data; the longest, {name}: {run.words} words of {run.source} ('{run.text[:120]}'); "
                         "change or remove that prompt, or raise evaluate.leakage_words in params.yaml")  # fmt: skip
    return report


def encode_all(tokenizer: Any, heldout: Sequence[HeldOut], system: str | None) -> list[Question]:
    """Return prompts and answers as ids, with the system prompt that the student was trained with.

    Raises:
        InputError: The student's chat format cannot hold a prompt; no figure would be about it.
    """
    head = [{"role": "system", "content": system}] if system else []
    return [_question(tokenizer, row, [*head, {"role": "user", "content": row.prompt}]) for row in heldout]


def _question(tokenizer: Any, row: HeldOut, messages: Messages) -> Question:
    try:
        prompt = tuple(encode_prompt(tokenizer, messages))
    except Unfit as error:
        raise InputError(f"data/prompts: the held-out prompt '{row.id}': {error}; change the prompt") from None
    if not row.ended:
        return Question(prompt, len(encode_text(tokenizer, row.answer)), None, row.stop_reason)
    try:
        example = encode(tokenizer, messages, [{"role": "assistant", "content": row.answer}])
    except Unfit as error:
        return Question(prompt, len(encode_text(tokenizer, row.answer)), None, error.reason)
    return Question(prompt, example.answer_tokens, example)


def _heldout(row: Row, known: dict[str, Row], unknown: str) -> HeldOut:
    if row["id"] not in known:
        raise InputError(f"{unknown}; run `dvc repro`")
    about = known[row["id"]]
    # White space around an answer is no part of it, as in the training data.
    answer = row["completion"].strip()
    return HeldOut(row["id"], about["base"], about["group"], row["prompt"], answer, row["stop_reason"])


def _text(messages: Sequence[dict[str, str]], role: str) -> str:
    return "\n".join(message["content"] for message in messages if message["role"] == role)
