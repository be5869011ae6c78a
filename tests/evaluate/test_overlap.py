"""distill.evaluate.overlap: shared runs are found exactly, fast, and never across two texts; repetition by hand."""

import json
import sys
from collections.abc import Callable, Mapping
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.evaluate.overlap import Report, Run, SharedRuns, documents, repetition, words
from distill.expand_prompts.stage import ExpandParams, expand
from repository import ROOT

TRAINING = {"a": "The quick brown fox jumps over the lazy dog.", "b": "One two three, four five six seven eight nine!"}


def longest(text: str, training: Mapping[str, str]) -> Run | None:
    """The longest run that one text shares with some others."""
    shared = SharedRuns({"asked": text})
    for id_, other in training.items():
        shared.meet(id_, other)
    return shared.longest().get("asked")


def longest_shared_run(heldout: Mapping[str, str], training: Mapping[str, str], n: int = 8) -> Report:
    """Compare every held-out text with every training text."""
    shared = SharedRuns(heldout)
    for id_, text in training.items():
        shared.meet(id_, text)
    return shared.report(n)


def test_words_forget_case_punctuation_and_layout() -> None:
    assert words("def add_all(xs):\n\treturn  SUM(xs)  # Größe 3.5") == [
        *("def", "add_all", "xs", "return", "sum", "xs", "größe", "3", "5")
    ]


def test_the_longest_run_with_its_text_and_source() -> None:
    assert longest("A QUICK brown\nfox - jumps, far", TRAINING) == Run(4, "quick brown fox jumps", "a")
    assert longest("fox three four five dog", TRAINING) == Run(3, "three four five", "b")


@pytest.mark.parametrize("text", ["", "!?", "nothing in common"])
def test_no_shared_word(text: str) -> None:
    assert longest(text, TRAINING) is None


@pytest.mark.parametrize("training", [{}, {"a": ""}, {"a": "", "b": "..."}])
def test_nothing_to_share_with(training: dict[str, str]) -> None:
    assert longest("a word", training) is None


def test_a_run_never_goes_from_one_text_into_the_next() -> None:
    assert longest("one two three four", {"a": "one two", "b": "three four"}) == Run(2, "one two", "a")
    assert longest("one two", {"a": "zero one", "b": "two three"}) == Run(1, "one", "a")


def test_of_several_texts_each_has_its_own() -> None:
    shared = SharedRuns({"x": "one two three", "y": "two three four", "z": "five"})
    met = {"a": "zero one two", "b": "two three four five", "c": "one two three", "d": "zero"}
    assert [shared.meet(id_, text) for id_, text in met.items()] == [2, 3, 3, 0]
    assert shared.longest() == {
        "x": Run(3, "one two three", "c"), "y": Run(3, "two three four", "b"), "z": Run(1, "five", "b"),
    }  # fmt: skip


def test_report_splits_at_the_limit() -> None:
    seven, eight = "two three four five six seven eight", "one two three four five six seven eight"
    report = longest_shared_run({"x/prompt": seven, "y/prompt": eight, "z/prompt": "lazy"}, TRAINING, n=8)
    assert report == Report(8, Run(8, eight, "b"), {"y/prompt": Run(8, eight, "b")})
    assert report.metrics() == {"longest_run": 8, "limit": 8}


def test_a_prompt_and_its_answer_are_both_compared() -> None:
    rows = [{"id": "p", "prompt": TRAINING["a"], "completion": TRAINING["b"]}]
    report = longest_shared_run(documents(rows), TRAINING)
    assert {id_: run.source for id_, run in report.over.items()} == {"p/prompt": "a", "p/completion": "b"}
    assert report.metrics() == {"longest_run": 9, "limit": 8}


def test_nothing_shared_is_reported_as_zero() -> None:
    assert longest_shared_run({"x": "unheard"}, TRAINING).metrics() == {"longest_run": 0, "limit": 8}


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0),
        ("one two three", 0),
        ("one two three four five", 0),
        ("a a a a a", 1 / 2),  # aaaa twice
        ("a b a b a b", 1 / 3),  # abab, baba, abab
        ("x, y, z! X. y\nz -- x", 1 / 4),  # xyzx, yzxy, zxyz, xyzx
        ("la " * 103, 99 / 100),
    ],
)
def test_repetition(text: str, share: float) -> None:
    assert repetition(text) == pytest.approx(share)


@given(st.text())
def test_repetition_is_a_share(text: str) -> None:
    assert 0 <= repetition(text) < 1


@given(st.lists(st.integers(), min_size=4, unique=True).map(lambda ns: [abs(n) * 2 + (n < 0) for n in ns]))
def test_distinct_words_repeat_nothing(numbers: list[int]) -> None:
    assert repetition(" ".join(map(str, numbers))) == 0


def longest_by_force(text: list[str], training: list[list[str]]) -> int:
    def joined(part: list[str]) -> str:
        return " " + " ".join(part) + " "

    runs = (text[i:j] for i in range(len(text)) for j in range(i + 1, len(text) + 1))
    return max((len(run) for run in runs if any(joined(run) in joined(other) for other in training)), default=0)


WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=12)


@given(WORDS, st.lists(WORDS, max_size=4))
@settings(max_examples=200, deadline=None)
def test_as_long_as_every_run_tried_by_force(text: list[str], training: list[list[str]]) -> None:
    run = longest(" ".join(text), {str(i): " ".join(part) for i, part in enumerate(training)})
    assert (run.words if run else 0) == longest_by_force(text, training)
    if run:
        assert run.text in " ".join(text)
        assert run.text in " ".join(training[int(run.source)])


@given(st.text(max_size=80), st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_text_is_found_in_itself(text: str, other: str) -> None:
    run = longest(text, {"other": other, "text": text})
    assert (run.words if run else 0) == len(words(text))


def lines_run(asked_words: int, training_words: int) -> int:
    """Lines of Python to take in so many times the same word, and to meet a text of it: time, on any machine."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Callable[..., object]:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run = longest("x " * asked_words, {"a": "x " * training_words})
    finally:
        sys.settrace(before)
    assert run is not None
    assert run.words == min(asked_words, training_words)
    return count


def test_time_does_not_grow_with_the_square() -> None:
    # Eight times the words: 64 times the lines if it were quadratic.
    assert lines_run(8_000, 80_000) < 9 * lines_run(1_000, 10_000)


def corpus_rows() -> list[dict[str, str]]:
    params = ExpandParams(modifiers=None, max_train_bases=None, max_heldout=None)
    rows = expand(ROOT / "data/prompts", params)
    answers = ROOT / "data/reference"
    return [row | {"completion": (answers / f"{row['id']}.md").read_text(encoding="utf-8")} for row in rows]


def test_the_shipped_corpus_does_not_leak() -> None:
    rows = corpus_rows()
    heldout, training = (documents(row for row in rows if row["split"] == split) for split in ("heldout", "train"))
    assert len(heldout) == 2 * 48
    assert len(training) >= 2 * 104
    report = longest_shared_run(heldout, training)
    assert report.over == {}
    assert report.longest is not None
    assert report.longest.words < 8


def test_a_copied_answer_in_the_corpus_is_caught() -> None:
    rows = corpus_rows()
    heldout = next(row for row in rows if row["split"] == "heldout")
    training = next(row for row in rows if row["split"] == "train")
    report = longest_shared_run(documents([heldout]), documents([training | {"completion": heldout["completion"]}]))
    run = report.over[f"{heldout['id']}/completion"]
    assert (run.words, run.source) == (len(words(heldout["completion"])), f"{training['id']}/completion")
    json.dumps(report.metrics())
