"""python_code: whole answers' profiles counted by hand, and the reference answers' house style."""

from distill.evaluate.style.distance import average
from distill.evaluate.style.python_code import FEATURES, measure
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
    assert measure(HOUSE) == dict.fromkeys(FEATURES, 0.0) | {
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
    assert measure(CHATTY) == dict.fromkeys(FEATURES, 0.0) | {
        "parsed": 1,
        # code: defone(): (9) + return1 (7) + #theanswer (10) = 26; prose: 8 + 14 + 10 + 8 = 40
        "code_share": 26 / 66,
        "comments": 1 / 2,
        "words": 1 + 4 + 2 + 2,
        "headings": 1,
        "numbered": 2,
    }


def test_broken_code_leaves_the_rest_of_the_measure() -> None:
    found = measure(HOUSE.replace("def one", "def def one"))
    assert (found["parsed"], found["typed"], found["lead_in"], found["notes"], found["bullets"]) == (0, 0, 1, 1, 2)


def test_the_reference_answers_show_the_house_style() -> None:
    answers = [path for path in (ROOT / "data/reference").glob("*.md") if path.name != "README.md"]
    assert len(answers) >= 150
    found = average([measure(path.read_text(encoding="utf-8")) for path in answers])
    assert found["notes"] == 1
    assert found["headings"] == 0
    assert found["parsed"] > 0.9  # the rest is SQL and shell
    assert found["typed"] > 0.9
    assert found["documented"] > 0.9
