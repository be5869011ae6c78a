"""distill.expand_prompts: the multiplicities of the corpus, stable ids, templates, and mistakes in prompt files."""

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from distill.common.errors import InputError
from distill.common.jsonl import Row
from distill.expand_prompts.stage import ExpandParams, expand, slugify
from repository import ROOT

Write = Callable[[str, str], Path]
ALL = ExpandParams(modifiers=None, max_train_bases=None, max_heldout=None)

ALGORITHMS = """\
    group: algorithms
    split: train
    prompts:
      - {slug: sort, prompt: Sort a list.}
      - {slug: search, prompt: Search a list.}
    """
HELDOUT = """\
    group: algorithms
    split: heldout
    prompts:
      - {slug: clamp, prompt: Clamp a value.}
    """
MODIFIERS = """\
    modifiers:
      - {slug: unit-tests, text: Add tests., groups: [algorithms]}
    """


@pytest.fixture
def source(write: Write, tmp_path: Path) -> Path:
    write("prompts/algorithms.yaml", ALGORITHMS)
    write("prompts/heldout.yaml", HELDOUT)
    write("prompts/modifiers.yaml", MODIFIERS)
    return tmp_path / "prompts"


def by_id(source: Path, params: ExpandParams = ALL) -> dict[str, Row]:
    return {row["id"]: row for row in expand(source, params)}


def test_the_corpus_has_the_reference_multiplicities() -> None:
    rows = list(expand(ROOT / "data/prompts", ALL))
    train = [row for row in rows if row["split"] == "train"]
    assert len(train) == len({row["prompt"] for row in train}) == 104
    assert Counter(row["modifier"] for row in train) == {
        None: 32, "error-handling": 16, "unit-tests": 16, "complexity": 8,
        "alternative": 12, "step-by-step": 12, "production-ready": 8,
    }  # fmt: skip
    groups = Counter(row["group"] for row in train if row["modifier"] is None)
    assert groups == {"algorithms": 8, "python": 8, "systems": 4, "sql": 4, "review": 4, "explain": 4}
    heldout = [row for row in rows if row["split"] == "heldout"]
    assert len(heldout) == 48
    assert all(row["modifier"] is None for row in heldout)
    assert not {row["base"] for row in train} & {row["base"] for row in heldout}


def test_a_row_is_complete(source: Path) -> None:
    assert by_id(source)["sort--unit-tests"] == {
        "id": "sort--unit-tests", "base": "sort", "group": "algorithms", "modifier": "unit-tests", "split": "train",
        "prompt": "Sort a list.\n\nAdd tests.",
    }  # fmt: skip


def test_the_files_of_a_group_have_one_difficulty(write: Write, source: Path) -> None:
    before = list(expand(source, ALL))
    write("prompts/heldout.yaml", HELDOUT.replace("split: heldout", "split: heldout\n    difficulty: 2"))
    assert list(expand(source, ALL)) == before  # of no concern to the rows, nor to the training file of the same group
    write("prompts/more.yaml", HELDOUT.replace("clamp", "more").replace("Clamp", "More"))
    with pytest.raises(InputError, match=r"more\.yaml: difficulty: None, and .*heldout\.yaml of the same group"):
        list(expand(source, ALL))


def test_heldout_prompts_are_never_modified(source: Path) -> None:
    assert list(by_id(source)) == ["sort", "sort--unit-tests", "search", "search--unit-tests", "clamp"]


def test_adding_a_prompt_changes_no_other_row(source: Path, write: Write) -> None:
    before = by_id(source)
    write("prompts/algorithms.yaml", ALGORITHMS.replace("prompts:\n", "prompts:\n      - {slug: a, prompt: New.}\n"))
    after = by_id(source)
    assert {id_: after[id_] for id_ in before} == before
    assert set(after) - set(before) == {"a", "a--unit-tests"}


def test_modifiers_can_be_chosen(source: Path) -> None:
    none = ExpandParams(modifiers=(), max_train_bases=None, max_heldout=None)
    assert list(by_id(source, none)) == ["sort", "search", "clamp"]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_smaller_limit_keeps_a_subset_with_its_twins(limit: int) -> None:
    source = ROOT / "data/prompts"
    small, large = (
        by_id(source, ExpandParams(modifiers=None, max_train_bases=n, max_heldout=n)) for n in (limit, limit + 1)
    )
    assert set(small) < set(large)
    train = [row for row in small.values() if row["split"] == "train"]
    assert len({row["base"] for row in train}) == limit
    everything = by_id(source).values()
    assert len(train) == sum(row["base"] in {r["base"] for r in train} for row in everything)


TEMPLATE = """\
    group: structures
    split: train
    prompts:
      - slug: implement
        prompt: Implement a {structure} in {language}, with {braces} kept.
        variables:
          structure: [stack, ring buffer]
          language: [C, C++]
          braces: ["{}"]
    """


def test_templates_cross_their_variables(write: Write, tmp_path: Path) -> None:
    write("prompts/t.yaml", TEMPLATE)
    rows = list(expand(tmp_path / "prompts", ALL))
    assert [row["prompt"] for row in rows] == [
        f"Implement a {structure} in {language}, with {{}} kept."
        for structure, language in itertools.product(["stack", "ring buffer"], ["C", "C++"])
    ]
    assert len({row["id"] for row in rows}) == 4
    assert {row["base"] for row in rows} == {"implement"}


def test_distinct_values_make_other_bases(write: Write, tmp_path: Path) -> None:
    write("prompts/t.yaml", TEMPLATE.replace("variables:", "distinct: [structure]\n        variables:"))
    rows = list(expand(tmp_path / "prompts", ALL))
    assert {row["base"] for row in rows} == {"implement.stack", "implement.ring-buffer"}


MANY = """\
    group: many
    split: train
    prompts:
      - slug: add
        prompt: Add {a} and {b}.
        variables: {a: VALUES, b: VALUES}
        max: 20
        seed: SEED
    """


def sample(write: Write, tmp_path: Path, values: int, seed: int = 0) -> list[str]:
    text = MANY.replace("VALUES", str(list(range(values)))).replace("SEED", str(seed))
    write("prompts/m.yaml", text)
    return [row["id"] for row in expand(tmp_path / "prompts", ALL)]


def test_a_cap_is_a_seeded_sample(write: Write, tmp_path: Path) -> None:
    ids = sample(write, tmp_path, 50)
    assert len(set(ids)) == 20
    assert ids == sample(write, tmp_path, 50)
    assert ids != sample(write, tmp_path, 50, seed=1)


def test_a_new_value_barely_changes_the_sample(write: Write, tmp_path: Path) -> None:
    # 99 new combinations among 2,500: about 20 × 99 / 2,500 < 1 of the 20 is displaced; 5 would be beyond chance.
    assert len(set(sample(write, tmp_path, 49)) - set(sample(write, tmp_path, 50))) <= 5


def test_expansion_streams(write: Write, tmp_path: Path) -> None:
    text = MANY.replace("VALUES", str(list(range(3000)))).replace("SEED", "0").replace("        max: 20\n", "")
    write("prompts/m.yaml", text)
    first = next(iter(expand(tmp_path / "prompts", ALL)))  # of nine million
    assert first["prompt"] == "Add 0 and 0."


@pytest.mark.parametrize(("value", "slug"), [("stack", "stack"), ("ring buffer", "ring-buffer")])
def test_plain_values_stay_readable(value: str, slug: str) -> None:
    assert slugify(value) == slug


def test_values_that_lose_letters_stay_apart() -> None:
    assert len({slugify(value) for value in ("C", "C++", "c", "c++", "é", "-")}) == 6


HEAD = "group: g\nsplit: train\nprompts: "


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "", "a.yaml: the file: empty"),
        ("a.yaml", HEAD + "[]\n", "a.yaml: prompts: the list is empty"),
        ("a.yaml", "group: g\nsplit: test\nprompts: []\n", "a.yaml: split: input should be 'train' or 'heldout'"),
        ("a.yaml", HEAD + "[{slug: A b, prompt: x}]\n", "prompts.0.slug: a slug is lower-case"),
        ("a.yaml", HEAD + "[{slug: a, prompt: ' '}]\n", "prompts.0.prompt: the prompt is empty"),
        ("a.yaml", HEAD + "[{slug: a, promt: x}]\n", "prompts.0.promt: unknown key"),
        ("a.yaml", HEAD + "[{slug: sort, prompt: x}]\n", "the id 'sort' stands already in"),
        ("a.yaml", HEAD + "[{slug: z, prompt: Sort a list.}]\n", "same prompt as 'z'"),
        ("a.yaml", HEAD + "[{slug: z, prompt: 'a {b}', variables: {c: [1]}}]", "'b' has no values"),
        ("a.yaml", HEAD + "[{slug: z, prompt: '{b}', variables: {b: []}}]\n", "is empty; add a value"),
        ("modifiers.yaml", "modifiers: [{slug: m, text: x, groups: [alg]}]\n", "no prompt file has the group 'alg'"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_and_place(source: Path, write: Write, name: str, text: str, words: str) -> None:
    write(f"prompts/{name}", text)
    with pytest.raises(InputError) as caught:
        list(expand(source, ALL))
    assert words in str(caught.value)
    assert name in str(caught.value) or "algorithms.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_prompt_file_and_no_training_prompt(tmp_path: Path, write: Write) -> None:
    with pytest.raises(InputError, match="no prompt file"):
        list(expand(tmp_path, ALL))
    write("prompts/heldout.yaml", HELDOUT)
    with pytest.raises(InputError, match="no file has 'split: train'"):
        list(expand(tmp_path / "prompts", ALL))


def test_an_unknown_modifier_in_the_parameters(source: Path) -> None:
    params = ExpandParams(modifiers=("unit-test",), max_train_bases=None, max_heldout=None)
    with pytest.raises(InputError, match=r"expand_prompts\.modifiers: no modifier 'unit-test'"):
        list(expand(source, params))


def test_every_shipped_prompt_file_reads_well() -> None:
    for path in (ROOT / "data/prompts").glob("*.yaml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))
