"""The style profiles, of which `evaluate.style` in params.yaml selects one; docs/evaluate.md shows how to add one.

A profile is a module with a table of features, `FEATURES`, and one function, `measure`, that gives each of them a
number for an answer in Markdown. No text that a model can write may make it raise, or take more than time in proportion
to its length, and nothing of the text is run.
"""

import math
import sys
from collections.abc import Mapping
from typing import Protocol

from distill.common.errors import InputError
from distill.evaluate.style import json_values, python_code, sql_code, text
from distill.evaluate.style.features import Features


class Profile(Protocol):
    """What a profile's module has."""

    @property
    def FEATURES(self) -> Features:
        """The features by their keys, in the order in which the report shows them."""

    def measure(self, answer: str) -> Mapping[str, float]:
        """Return a number for each feature of an answer; what is no feature is left out."""


PROFILES: dict[str, Profile] = {"python": python_code, "text": text, "sql": sql_code, "json": json_values}


def features(name: str) -> Features:
    """Return the features of the profile `name`."""
    return PROFILES[name].FEATURES


def profile(name: str, answer: str) -> dict[str, float]:
    """Return an answer's features by the profile `name`: shares, then amounts.

    Raises:
        InputError: The profile gives a feature no number, or one that it cannot have.
    """
    table, found = features(name), PROFILES[name].measure(answer)
    for key, feature in table.items():
        highest = sys.float_info.max if feature.amount else 1
        if not 0 <= found.get(key, math.nan) <= highest:
            raise InputError(f"style profile '{name}': measure() gives the feature '{key}' {found.get(key)}, where "
                             f"{'0 or more' if feature.amount else 'a number from 0 to 1'} is needed; fix it in "
                             "src/distill/evaluate/style")  # fmt: skip
    return {key: found[key] for key in sorted(filter(table.__contains__, found), key=lambda key: table[key].amount)}
