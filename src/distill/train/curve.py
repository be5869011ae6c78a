"""The results of a training run to read: its curve, and the figures of metrics/train.json."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from distill.common.jsonl import Row

COLUMNS = ("update", "split", "loss", "token_accuracy")
DIGITS = 6


@dataclass(frozen=True)
class Result:
    """A finished run: its curve (from `points`), and counts."""

    history: list[Row]
    updates: int
    epochs: int
    examples: int
    validation_examples: int
    trained_tokens: int
    trainable: int
    parameters: int

    def metrics(self) -> Row:
        """Return what metrics/train.json holds."""
        return {
            "examples": self.examples,
            "validation_examples": self.validation_examples,
            "epochs": self.epochs,
            "updates": self.updates,
            "trained_tokens_an_epoch": self.trained_tokens,
            "trained_tokens": self.trained_tokens * self.epochs,
            "trainable_parameters": self.trainable,
            "parameters": self.parameters,
            "trainable_share": round(self.trainable / self.parameters, DIGITS),
            **{split: extremes(self.history, split) for split in ("train", "val")},
        }

    def summary(self) -> str:
        """Return one line for the terminal."""
        parts = [f"{self.updates} updates, {self.trainable:,} trainable parameters"]
        for split in ("train", "val"):
            figures = extremes(self.history, split)
            if figures:
                parts.append(f"{split} loss {figures['loss']['first']:.3f} → {figures['loss']['last']:.3f}")
        return "; ".join(parts)


def points(log: Iterable[dict[str, Any]]) -> list[Row]:
    """Return the curve from a Trainer's log: one row for each update, and one for each validation.

    A training row scores an update's examples before the update, a validation row all validation examples after it.
    """
    found = []
    for entry in log:
        for split, prefix in (("train", ""), ("val", "eval_")):
            if f"{prefix}token_accuracy" in entry:
                found.append(
                    {
                        "update": entry["step"],
                        "split": split,
                        "loss": round(entry[f"{prefix}loss"], DIGITS),
                        "token_accuracy": round(entry[f"{prefix}token_accuracy"], DIGITS),
                    }
                )
    return found


def extremes(history: list[Row], split: str) -> Row:
    """Return first, best and last loss and token accuracy of a split; nothing if it was not measured."""
    rows = [row for row in history if row["split"] == split]
    if not rows:
        return {}
    return {
        name: {"first": rows[0][name], "best": best(row[name] for row in rows), "last": rows[-1][name]}
        for name, best in (("loss", min), ("token_accuracy", max))
    }


def tsv(history: list[Row]) -> str:
    """Return the curve as tab-separated values with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, dialect="excel-tab", lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
