"""How far a student's way of writing is from its teacher's; docs/evaluate.md has the formula.

A style says nothing about whether an answer is right: a wrong answer in the teacher's style has a distance near 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from distill.common.errors import InputError
from distill.evaluate.style.features import Features

Values = Mapping[str, float]


@dataclass(frozen=True)
class Distance:
    """Style distances, each from 0 (the same) to 1: over all, for each prompt, and for each feature."""

    overall: float
    per_prompt: tuple[float, ...]
    per_feature: dict[str, float]


def distance(model: Sequence[Values], teacher: Sequence[Values], features: Features) -> Distance:
    """Return how far a model's answers are from the teacher's answers to the same prompts, by their features.

    Two answers differ in a share by |m - t|, and in an amount by |m - t| / max(m, t), or 0 if both are 0; both lie
    from 0 to 1. A prompt's distance is the mean over all features, each counting the same. The overall distance is
    the mean over prompts, so `per_prompt` can go into a paired bootstrap as it is. The teacher's distance is 0.

    Raises:
        InputError: There are no answers, or not as many of one as of the other.
    """
    if len(model) != len(teacher) or not model:
        raise InputError(f"style distance: {len(model)} profiles of the model and {len(teacher)} of the teacher; "
                         "as many of each are needed, and at least one")  # fmt: skip
    rows = [_differences(mine, theirs, features) for mine, theirs in zip(model, teacher, strict=True)]
    per_prompt = tuple(fmean(row.values()) for row in rows)
    return Distance(fmean(per_prompt), per_prompt, average(rows))


def average(profiles: Sequence[Values]) -> dict[str, float]:
    """Return the mean of each feature over (at least one) answers."""
    return {name: fmean(profile[name] for profile in profiles) for name in profiles[0]}


def _differences(mine: Values, theirs: Values, features: Features) -> dict[str, float]:
    return {
        name: abs(mine[name] - theirs[name]) / (max(mine[name], theirs[name]) or 1 if feature.amount else 1)
        for name, feature in features.items()
    }
