"""What students and held-out texts share with the training data, in one pass over it; and the gate that it must pass.

In: the held-out prompts, the answers to them, data/train.jsonl. Out: the longest runs of words that they share;
held-out prompts and teacher's answers that share one that is too long end the stage.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.common.errors import InputError
from distill.common.jsonl import Row, read_jsonl
from distill.evaluate.overlap import Report, SharedRuns, documents
from distill.shared.held_out import HeldOut


@dataclass(frozen=True)
class Shared:
    """`report`: held-out prompts and answers against all training texts; `copied`: words of the longest run of each
    side's answer to each prompt that stands in a training answer."""

    report: Report
    copied: Mapping[str, Sequence[int]]


def compare(heldout: Sequence[HeldOut], answers: Mapping[str, Sequence[str]], train: Path, limit: int) -> Shared:
    """Compare with the training data: held-out prompts and teacher's answers, and the answers of each side.

    Raises:
        InputError: A held-out text shares a run of `limit` words or more; the file is missing or corrupt, or empty.
    """
    asked = documents({"id": row.id, "prompt": row.prompt, "completion": row.answer} for row in heldout)
    leaked, copied = SharedRuns(asked), SharedRuns({f"{side}/{place}": text for side, texts in answers.items()
                                                    for place, text in enumerate(texts)})  # fmt: skip
    for row in read_training(train):
        for id_, text in documents([row]).items():
            leaked.meet(id_, text)
        copied.meet(row["id"], row["completion"])
    report = leaked.report(limit)
    check(report)
    runs = copied.longest()
    lengths = {side: [runs[name].words if (name := f"{side}/{place}") in runs else 0 for place in range(len(texts))]
               for side, texts in answers.items()}  # fmt: skip
    return Shared(report, lengths)


def read_training(train: Path) -> Iterator[Row]:
    """Yield what the student was trained on: rows of id, prompt and completion as texts.

    Raises:
        InputError: The file is missing or corrupt, or holds no example.
    """
    row = None
    for row in read_jsonl(train, ("id", "prompt", "completion")):
        texts = {"prompt": _text(row["prompt"], "user"), "completion": _text(row["completion"], "assistant")}
        yield {"id": row["id"], **texts}
    if row is None:
        raise InputError(f"{train}: no training example; run `dvc repro format`")


def check(report: Report) -> None:
    """Refuse held-out texts that leaked.

    Raises:
        InputError: One shares a run of the limit or more.
    """
    if report.over:
        name, run = max(report.over.items(), key=lambda item: item[1].words)
        raise InputError(f"leakage: {len(report.over)} held-out texts share {report.limit} words in a row or more with "
                         f"the training data; the longest, {name}: {run.words} words of {run.source} "
                         f"('{run.text[:120]}'); change or remove that prompt, or raise evaluate.leakage_words in "
                         "params.yaml")  # fmt: skip


def _text(messages: Sequence[dict[str, str]], role: str) -> str:
    return "\n".join(message["content"] for message in messages if message["role"] == role)
