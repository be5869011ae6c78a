"""The rows of two runs as one evaluation, with A's distilled student in the base's place and B's in its own.

So the report's code computes every figure, interval and verdict from them, which then say what B does better or worse
than A. The prompts compared are those that both runs have, with the same text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from distill.common.errors import InputError
from distill.common.jsonl import Row
from distill.comparison.runs import Run
from distill.evaluate.style import profiles

OTHER_ANSWER = "another answer of the teacher"
OTHER_TOKENS = "other tokens"


@dataclass(frozen=True)
class Pairs:
    """The common prompts' rows, and how many prompts each run has."""

    rows: list[Row]
    a: int
    b: int

    @property
    def other_teacher(self) -> int:
        """How many of the common prompts the teacher answered differently in the two runs."""
        return sum(row["other_teacher"] for row in self.rows)


def pair(a: Run, b: Run, pass_k: int, style: str) -> Pairs:
    """Return the rows of the prompts that both runs have, in B's order; with samples if there are enough for pass@k.

    Style is measured again, by the profile `style`: the runs may have used different ones.

    Raises:
        InputError: There are fewer than two.
    """
    common = [(a.rows[id_], row) for id_, row in b.rows.items() if a.rows.get(id_, {}).get("prompt") == row["prompt"]]
    if len(common) < 2:
        raise InputError(f"{a.name} and {b.name} have {len(common)} held-out prompts in common ({len(a.rows)} and "
                         f"{len(b.rows)}), and a comparison needs at least two; evaluate both on the same ones: copy "
                         "data/prompts of one to the other, and run `dvc repro` there")  # fmt: skip
    sampled = min(len(row["answers"]["distilled"]) for pairs in common for row in pairs) - 1
    answers = 1 + (sampled if sampled >= pass_k else 0)
    return Pairs([_merge(one, two, answers, style) for one, two in common], len(a.rows), len(b.rows))


def passed(row: Row, side: str) -> bool:
    """Whether the greedy answer of a side passes."""
    return bool(row["outcomes"] and row["outcomes"][side][0]["outcome"] == "pass")


def flips(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Return the ids of the prompts that pass in B and not in A, and of those that pass in A and not in B."""
    ran = [row for row in rows if row["outcomes"]]
    gained = [row["id"] for row in ran if passed(row, "distilled") and not passed(row, "base")]
    lost = [row["id"] for row in ran if passed(row, "base") and not passed(row, "distilled")]
    return gained, lost


def _merge(a: Row, b: Row, answers: int, style: str) -> Row:
    unscored = _unscored(a, b)
    texts = _sides(a["answers"], b["answers"], answers)
    return {
        "id": b["id"],
        "group": b["group"],
        "difficulty": b.get("difficulty"),
        "prompt": b["prompt"],
        "answers": texts,
        "likelihood": None if unscored else _sides(a["likelihood"], b["likelihood"]),
        **({"unscored": unscored} if unscored else {}),
        "outcomes": _sides(a["outcomes"], b["outcomes"], answers) if a["outcomes"] and b["outcomes"] else None,
        "style": {side: profiles.profile(style, each[0]["text"]) for side, each in texts.items()},
        "health": _sides(a["health"], b["health"]),
        "other_teacher": _teachers_text(a) != _teachers_text(b),
    }


def _sides(a: Row, b: Row, answers: int | None = None) -> Row:
    """Return both sides, and B's teacher; of each the first `answers`, because pass@k needs equally many samples."""
    both = {"base": a["distilled"], "distilled": b["distilled"]}
    if answers:
        both = {side: each[:answers] for side, each in both.items()}
    return both | ({"teacher": b["teacher"]} if "teacher" in b else {})


def _unscored(a: Row, b: Row) -> str:
    """Return why the likelihoods of two rows cannot be compared; '' if they can."""
    for row in (a, b):
        if not row["likelihood"]:
            return str(row["unscored"])
    if _teachers_text(a) != _teachers_text(b):
        return OTHER_ANSWER
    tokens = [row["likelihood"]["distilled"]["tokens"] for row in (a, b)]
    return OTHER_TOKENS if tokens[0] != tokens[1] else ""


def _teachers_text(row: Row) -> str:
    return str(row["answers"]["teacher"][0]["text"])
