"""The gate: held-out prompts and answers must not share a run of words with the training data.

In: the held-out prompts, data/train.jsonl. Out: the longest runs that they share; one that is too long ends the stage.
"""

from collections.abc import Sequence
from pathlib import Path

from distill.common.errors import InputError
from distill.common.jsonl import Row, read_jsonl
from distill.evaluate.overlap import Report, documents, longest_shared_run
from distill.shared.held_out import HeldOut


def read_training(train: Path) -> list[Row]:
    """Return what the student was trained on: rows of id, prompt and completion as texts.

    Raises:
        InputError: The file is missing or corrupt, or holds no example.
    """
    rows = []
    for row in read_jsonl(train, ("id", "prompt", "completion")):
        texts = {"prompt": _text(row["prompt"], "user"), "completion": _text(row["completion"], "assistant")}
        rows.append({"id": row["id"], **texts})
    if not rows:
        raise InputError(f"{train}: no training example; run `dvc repro format`")
    return rows


def check_leakage(heldout: Sequence[HeldOut], training: Sequence[Row], limit: int) -> Report:
    """Compare every held-out prompt and answer with every training prompt and answer.

    Raises:
        InputError: One shares a run of `limit` words or more.
    """
    rows = [{"id": row.id, "prompt": row.prompt, "completion": row.answer} for row in heldout]
    report = longest_shared_run(documents(rows), documents(training), limit)
    if report.over:
        name, run = max(report.over.items(), key=lambda item: item[1].words)
        raise InputError(f"leakage: {len(report.over)} held-out texts share {limit} words in a row or more with the "
                         f"training data; the longest, {name}: {run.words} words of {run.source} ('{run.text[:120]}'); "
                         "change or remove that prompt, or raise evaluate.leakage_words in params.yaml")  # fmt: skip
    return report


def _text(messages: Sequence[dict[str, str]], role: str) -> str:
    return "\n".join(message["content"] for message in messages if message["role"] == role)
