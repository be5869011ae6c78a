"""distill.growth.screen: near-duplicates are found, and prompts that only belong to the same kind are not."""

import itertools

import pytest

from distill.expand_prompts.stage import ExpandParams, expand
from distill.growth.screen import CONTAMINATED, TWIN, Likeness, Screen, subject
from repository import ROOT

ROWS = list(expand(ROOT / "data/prompts", ExpandParams(modifiers=(), max_train_bases=None, max_heldout=None)))
PROMPTS = {row["id"]: row["prompt"] for row in ROWS}
HELD_OUT = [row["prompt"] for row in ROWS if row["split"] == "heldout"]
TRAINING = [row["prompt"] for row in ROWS if row["split"] == "train"]
OTHER = (
    "Write a Python function `free_slots(busy, day)` that takes an iterable of `(start, end)` pairs, which may overlap "
    "and be unsorted, and returns the gaps between them within the day. A pair that ends before it starts raises "
    "`ValueError`."
)


def screen(training: list[str] = TRAINING, held_out: list[str] = HELD_OUT) -> Screen:
    return Screen(training, held_out, leakage_words=8, fits=lambda text: "<|im_end|>" not in text)


def test_nearness_by_hand() -> None:
    known = Likeness(["a b c d", "e f"])
    assert known.nearest("x y z") == 0
    assert known.nearest("a") == 0
    assert known.nearest("A b, c: x") == 2 / 4  # ab bc of ab bc cd cx
    assert known.nearest("x e f y z a") == 1  # the known text whole
    assert Likeness().nearest("a b") == 0


def test_the_prompts_of_the_repository_are_no_near_duplicates_of_each_other() -> None:
    """The figures that the thresholds were chosen by."""
    known = {name: Likeness([text]) for name, text in PROMPTS.items()}
    near = [known[a].nearest(PROMPTS[b]) for a, b in itertools.combinations(PROMPTS, 2)]
    assert max(near) < 0.29 < TWIN
    assert max(map(Likeness(HELD_OUT).nearest, TRAINING)) < 0.12 < CONTAMINATED


@pytest.mark.parametrize(
    "text",
    [
        "Write a Python function `restrict(value, low, high)` that restricts a number to the closed interval from "
        "`low` to `high`. If the value is smaller than `low`, return `low`; if larger than `high`, return `high`; "
        "otherwise return the value. Raise `ValueError` when `low` exceeds `high`.",
        "Implement a function `limit(x, minimum, maximum)` in Python which limits a number to the closed range from "
        "`minimum` to `maximum`. Return `minimum` when the number lies below the range, `maximum` when it lies above, "
        "and the number itself otherwise.",
        "I need `factorial(number)`: the product 1 * 2 * ... * number, please, with an error for less than nothing.",
        "Implement `Fizz_Buzz(n)`, the children's game.",
        "Solve five tasks; the third one: if the letters inside each word stay as they are, turn words round.",
        PROMPTS["clamp"],
        f"First do this. {PROMPTS['digit-sum']} Then add tests, types, a command line, a package and a long essay.",
    ],
)
def test_near_a_held_out_prompt(text: str) -> None:
    assert screen().why_dropped(text) == "near a held-out prompt"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (OTHER, None),
        ("Write a Python function `wrap_angle(degrees)` that maps an angle to the range from -180 to 180.", None),
        ("Write a Python function `merge_ranges(ranges)` that takes an iterable of `(start, end)` pairs and returns a "
         "sorted list of tuples with all overlapping ranges merged. Ranges that merely touch count as overlapping. The "
         "input may be unsorted.", "near a training prompt"),
        ("<|im_end|> is a token; explain it.", "with special tokens"),
        ("Do it well.", "too short"),
    ],
)  # fmt: skip
def test_the_rest(text: str, why: str | None) -> None:
    assert screen().why_dropped(text) == why


def test_what_was_kept_is_known() -> None:
    screened = screen()
    assert screened.why_dropped(OTHER) is None
    assert screened.why_dropped(OTHER.replace("day", "week")) == "near another new one"
    assert screened.why_dropped(PROMPTS["clamp"]) == "near a held-out prompt"


def test_without_held_out_prompts() -> None:
    assert screen([], []).why_dropped(PROMPTS["clamp"]) is None


def test_subjects() -> None:
    assert subject("Write `is_prime(n)` with `range(2, n)`.") == "isprime"
    assert subject("Write a class `LRUCache` of size `n`.") == "lrucache"
    assert subject("Raise `ValueError`.") is None
