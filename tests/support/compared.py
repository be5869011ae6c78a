"""Rows of two runs on the same prompts, as metrics/evaluation.jsonl holds them, with differences to compute by hand."""

import copy
from typing import Any

from distill.evaluate.style import profiles
from evaluation_rows import DISTILLED, Row, row

TEACHER = DISTILLED
WORDY = "Here is what you asked for.\n\n" + DISTILLED.replace("int", "float")


def prompt(name: str, nll: float, outcome: str, text: str = TEACHER) -> Row:
    """A row in which the distilled student's answer is this; the teacher's has ten tokens."""
    found = row(name, outcomes=("no_code", outcome, "pass"), nll=(30.0, nll), texts=("No.", text, TEACHER))
    found["prompt"] = f"Write `{name}`."
    found["style"] = {
        side: profiles.profile("python", answers[0]["text"]) for side, answers in found["answers"].items()
    }
    return found


def run_a() -> list[Row]:
    """Loss 1.5 nats a token, two of four pass, and all answers are in the teacher's style."""
    return [
        prompt("clamp", 10, "pass"),
        prompt("is-prime", 20, "pass"),
        prompt("word-break", 12, "wrong_answer"),
        prompt("matrix", 18, "exception"),
    ]


def run_b() -> list[Row]:
    """Every loss is 0.2 higher, one prompt is lost and one gained, and one answer is in another style."""
    return [
        prompt("clamp", 12, "wrong_answer", WORDY),
        prompt("is-prime", 22, "pass"),
        prompt("word-break", 14, "pass"),
        prompt("matrix", 20, "exception"),
    ]


def run_c() -> list[Row]:
    """B's, but for a prompt that has another text, one that is gone and one that is new."""
    rows = run_b()
    rows[1]["prompt"] += " Be quick."
    return [*rows[:3], prompt("new", 1, "pass")]


def old_format() -> list[Row]:
    """Rows from before an answer's code was also run as written."""
    rows: list[Any] = copy.deepcopy(run_b())
    for each in rows:
        for verdicts in each["outcomes"].values():
            del verdicts[0]["as_written"]
    return rows
