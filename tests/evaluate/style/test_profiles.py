"""distill.evaluate.style.profiles: profiles counted by hand, a distance that is one, and nothing that raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.common.errors import InputError
from distill.evaluate.style.profiles import AMOUNTS, SHARES, average, distance, profile
from repository import ROOT

HOUSE = """\
Read `it` first.

```python
def one() -> int:
    \"\"\"Give 1.\"\"\"
    return 1
```

**Notes**

- **Fast**: it is.
- Short.
"""
CHATTY = """\
# Solution
Sure! Here is it:
```python
def one():
    return 1  # the answer
```
1. Step *one*.
2. Step two.
"""


def test_a_good_answer_by_hand() -> None:
    assert profile(HOUSE) == dict.fromkeys([*SHARES, *AMOUNTS], 0.0) | {
        "parsed": 1,
        "typed": 1,
        "documented": 1,
        # code: def one()->int: (14) + """Give1.""" (12) + return1 (7) = 33; prose: 14 + 9 + 14 + 6 = 43
        "code_share": 33 / 76,
        "lead_in": 1,
        "notes": 1,
        "words": 3 + 1 + 3 + 1,
        "bullets": 2,
        "bold": 2,
    }


def test_a_chatty_answer_by_hand() -> None:
    assert profile(CHATTY) == dict.fromkeys([*SHARES, *AMOUNTS], 0.0) | {
        "parsed": 1,
        # code: defone(): (9) + return1 (7) + #theanswer (10) = 26; prose: 8 + 14 + 10 + 8 = 40
        "code_share": 26 / 66,
        "comments": 1 / 2,
        "words": 1 + 4 + 2 + 2,
        "headings": 1,
        "numbered": 2,
    }


def test_the_distance_by_hand() -> None:
    good, chatty = profile(HOUSE), profile(CHATTY)
    differences = {
        "typed": 1,
        "documented": 1,
        "code_share": 33 / 76 - 26 / 66,
        "lead_in": 1,
        "notes": 1,
        "comments": 1,
        "words": (9 - 8) / 9,
        "headings": 1,
        "bullets": 1,
        "numbered": 1,
        "bold": 1,
    }
    found = distance([chatty, good], [good, good])
    assert found.per_prompt == (pytest.approx(sum(differences.values()) / 19), 0)
    assert found.overall == pytest.approx(sum(differences.values()) / 19 / 2)
    halves = {name: value / 2 for name, value in differences.items()}
    assert found.per_feature == pytest.approx(dict.fromkeys([*SHARES, *AMOUNTS], 0.0) | halves)


@pytest.mark.parametrize(
    ("text", "feature", "value"),
    [
        ("", "code_share", 0),
        ("words only", "code_share", 0),
        ("```\nx\n```", "code_share", 1),
        ("```\nx y", "code_share", 1),  # an open fence
        ("a\n\n    b\n", "code_share", 1 / 2),  # an indented block is code too
        ("a\n\n    b\n", "lead_in", 0),
        ("a\n```\nb\n```", "lead_in", 1),
        ("# a\n\nb\n```\nc\n```", "lead_in", 0),
        ("- a\n\n```\nc\n```", "lead_in", 0),
        ("**Notes**\n- a", "notes", 1),
        ("**Notes:**\n\n* a", "notes", 1),
        ("**Notes**:\n- a", "notes", 1),
        ("**Notes**\n1. a", "notes", 0),
        ("**Notes** on this\n- a", "notes", 0),
        ("Notes\n- a", "notes", 0),
        ("## Notes\n- a", "notes", 0),
        ("```\n**Notes**\n- a\n```", "notes", 0),
        ("**Notes**\n\nText.\n\n- a", "notes", 0),
        ("\\*\\*a\\*\\* **b** __c__ `**d**` *e*", "bold", 2),
        ("- a\n  - b\n    1. c\n", "bullets", 2),
        ("- a\n  - b\n    1. c\n", "numbered", 1),
        ("2) a\n3) b\n", "numbered", 2),
        ("# a\n\nb\n===\n\n#c\n", "headings", 2),
        ("```\n# a\n```", "headings", 0),
        ("a b\nc **d** `e f`\n```\ng h\n```", "words", 6),
        ("<b>a</b> <script>", "words", 2),
    ],
)
def test_markdown_features(text: str, feature: str, value: float) -> None:
    assert profile(text)[feature] == pytest.approx(value)


def test_broken_code_leaves_the_rest_of_the_profile() -> None:
    found = profile(HOUSE.replace("def one", "def def one"))
    assert (found["parsed"], found["typed"], found["lead_in"], found["notes"], found["bullets"]) == (0, 0, 1, 1, 2)


ANSWERS = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            [
                *("```", "```python", "~~~", "> ", "- ", "1. ", "\n", "    ", "**", "# ", "<!--", "[", "](", "\r"),
                *("def f(a: int) -> int:", "class E(Exception): ...", '"""Do.', "Args:", ">>> 1", "if x:", "raise"),
                *("\0", "\x0b", "\u2028"),
            ]
        ),
    ),
    max_size=40,
).map("".join)


@given(ANSWERS)
@settings(max_examples=300, deadline=None)
def test_whatever_a_model_writes_has_a_profile(answer: str) -> None:
    found = profile(answer)
    assert list(found) == [*SHARES, *AMOUNTS]
    assert all(0 <= found[name] <= 1 for name in SHARES)
    assert all(found[name] >= 0 for name in AMOUNTS)


@pytest.mark.parametrize(
    "answer",
    [
        *(">" * 5000, "".join("  " * depth + "- a\n" for depth in range(300)), "*a " * 3000, "[" * 5000, "`a" * 3000),
        *(
            "<" * 5000,
            "```\n" * 2001,
            "```python\n" + "(" * 9000,
            "\ud800 **\0**",
            "a\r\n```python\r\nx = 1\r\n```\r\n",
        ),
    ],
)
def test_adversarial_answers(answer: str) -> None:
    assert list(profile(answer)) == [*SHARES, *AMOUNTS]


def profiles() -> st.SearchStrategy[dict[str, float]]:
    shares = st.fixed_dictionaries(dict.fromkeys(SHARES, st.floats(0, 1)))
    amounts = st.fixed_dictionaries(dict.fromkeys(AMOUNTS, st.floats(0, 1e9)))
    return st.tuples(shares, amounts).map(lambda parts: parts[0] | parts[1])


@given(st.lists(st.tuples(profiles(), profiles()), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_the_distance_is_symmetric_and_bounded(pairs: list) -> None:
    one, two = map(list, zip(*pairs, strict=True))
    found = distance(one, two)
    assert found == distance(two, one)
    assert all(0 <= value <= 1 for value in (found.overall, *found.per_prompt, *found.per_feature.values()))
    assert distance(one, one).overall == 0


@pytest.mark.parametrize(("mine", "theirs"), [(0, 0), (1, 2)])
def test_profiles_must_come_in_pairs(mine: int, theirs: int) -> None:
    with pytest.raises(InputError, match=f"{mine} profiles of the model and {theirs} of the teacher"):
        distance([profile("a")] * mine, [profile("a")] * theirs)


def test_average() -> None:
    found = average([profile(HOUSE), profile(CHATTY)])
    assert (found["typed"], found["words"], found["comments"]) == (0.5, 8.5, 0.25)


def test_the_reference_answers_show_the_house_style() -> None:
    answers = [path for path in (ROOT / "data/reference").glob("*.md") if path.name != "README.md"]
    assert len(answers) >= 150
    found = average([profile(path.read_text(encoding="utf-8")) for path in answers])
    assert found["notes"] == 1
    assert found["headings"] == 0
    assert found["parsed"] > 0.9  # the rest is SQL and shell
    assert found["typed"] > 0.9
    assert found["documented"] > 0.9
