"""distance: by hand, and that it is one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.common.errors import InputError
from distill.evaluate.style.distance import average, distance
from distill.evaluate.style.features import amount, share

FEATURES = {"bold": amount("Bold", "x"), "typed": share("Typed", "x"), "words": amount("Words", "x")}


def test_the_distance_by_hand() -> None:
    teacher = {"typed": 1.0, "words": 12.0, "bold": 0.0}
    near, far = {"typed": 0.75, "words": 9.0, "bold": 0.0}, {"typed": 0.0, "words": 24.0, "bold": 2.0}
    found = distance([near, far], [teacher, teacher], FEATURES)
    assert found.per_prompt == (pytest.approx((0.25 + 3 / 12 + 0) / 3), pytest.approx((1 + 12 / 24 + 1) / 3))
    assert found.overall == pytest.approx((0.5 + 2.5) / 3 / 2)
    assert found.per_feature == {"typed": 0.625, "words": 0.375, "bold": 0.5}


def profiles() -> st.SearchStrategy[dict[str, float]]:
    return st.fixed_dictionaries(
        {name: st.floats(0, 1e9 if feature.amount else 1) for name, feature in FEATURES.items()}
    )


@given(st.lists(st.tuples(profiles(), profiles()), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_the_distance_is_symmetric_and_bounded(pairs: list) -> None:
    one, two = map(list, zip(*pairs, strict=True))
    found = distance(one, two, FEATURES)
    assert found == distance(two, one, FEATURES)
    assert all(0 <= value <= 1 for value in (found.overall, *found.per_prompt, *found.per_feature.values()))
    assert distance(one, one, FEATURES).overall == 0


@pytest.mark.parametrize(("mine", "theirs"), [(0, 0), (1, 2)])
def test_profiles_must_come_in_pairs(mine: int, theirs: int) -> None:
    one = {"typed": 1.0, "words": 1.0, "bold": 1.0}
    with pytest.raises(InputError, match=f"{mine} profiles of the model and {theirs} of the teacher"):
        distance([one] * mine, [one] * theirs, FEATURES)


def test_average() -> None:
    assert average([{"typed": 1.0, "words": 9.0}, {"typed": 0.0, "words": 8.0}]) == {"typed": 0.5, "words": 8.5}
