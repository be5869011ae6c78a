"""distill.expand_prompts.duplicates: what stands twice is named, whatever its hash; what does not is let through."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.common.errors import InputError
from distill.common.jsonl import Row
from distill.expand_prompts import duplicates
from distill.expand_prompts.duplicates import refuse_duplicates

Rows = list[tuple[str, str]]


def passed(pairs: Rows) -> Rows:
    def rows() -> Iterator[tuple[Path, Row]]:
        return ((Path("a.yaml"), {"id": id_, "prompt": prompt}) for id_, prompt in pairs)

    return [(row["id"], row["prompt"]) for row in refuse_duplicates(rows)]


NAMES = st.sampled_from("abcdef")


@given(st.lists(st.tuples(NAMES, NAMES), max_size=6))
def test_exactly_what_stands_twice_is_refused(pairs: Rows) -> None:
    ids, prompts = (set(part) for part in (zip(*pairs, strict=True) if pairs else ((), ())))
    if len(ids) == len(prompts) == len(pairs):
        assert passed(pairs) == pairs
    else:
        with pytest.raises(InputError, match=r"stands already in|has the same prompt as"):
            passed(pairs)


def test_of_several_the_first_is_named() -> None:
    with pytest.raises(InputError, match=r"a.yaml: 'b' has the same prompt as 'a'"):
        passed([("a", "x"), ("b", "x"), ("a", "y")])


def test_texts_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_key", lambda text: 0)
    assert passed([("a", "x"), ("b", "y")]) == [("a", "x"), ("b", "y")]
    with pytest.raises(InputError, match=r"the id 'a' stands already in a.yaml"):
        passed([("a", "x"), ("b", "y"), ("a", "z")])
