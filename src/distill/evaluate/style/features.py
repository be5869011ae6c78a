"""What a style profile is made of: features, each of them a share or an amount."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """A number that tells how an answer is written.

    Attributes:
        label: Its name in the report and in plots.
        meaning: What is counted.
        amount: Whether it goes from 0 up; a share goes from 0 to 1, and a share of nothing is 0.
    """

    label: str
    meaning: str
    amount: bool


Features = Mapping[str, Feature]
"""The features of a profile by their keys, in the order in which the report shows them."""


def share(label: str, meaning: str) -> Feature:
    """Return a feature from 0 to 1."""
    return Feature(label, meaning, amount=False)


def amount(label: str, meaning: str) -> Feature:
    """Return a feature from 0 up."""
    return Feature(label, meaning, amount=True)
