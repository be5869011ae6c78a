"""json_values: values counted by hand, in fences and without."""

import pytest

from distill.evaluate.style.json_values import FEATURES, measure

ANSWER = """\
Here it is:

```json
{
  "order_id": 7,
  "shipTo": {"city": "Bad Ems", "zip": null},
  "items": [{"sku": "a b c"}, [1, 2]]
}
```
"""


def test_an_answer_by_hand() -> None:
    found = measure(ANSWER)
    assert (found["parsed"], found["alone"], found["multi_line"], found["lead_in"]) == (1, 0, 1, 1)
    assert (found["snake_keys"], found["camel_keys"]) == (5 / 6, 1 / 6)  # all but shipTo; sku in an object of its own
    assert found["sorted_keys"] == 1 / 2  # city zip, but order_id shipTo items
    assert found["nulls"] == 1 / 6
    assert (found["keys"], found["items"], found["depth"]) == (6, 4, 3)
    assert (found["string_words"], found["words"]) == (5, 3)


@pytest.mark.parametrize(
    ("text", "feature", "value"),
    [
        (' {"a": 1}\n', "alone", 1),
        ('```json\n{"a": 1}\n```\n', "alone", 1),
        ('```json\n{"a": 1}\n```\nDone.', "alone", 0),
        ('```json\n{"a": 1}\n```\n```json\n{}\n```', "alone", 0),
        ('```json\n{"a": 1}\n```\n```sh\nls\n```', "alone", 0),
        ('{"a": 1', "alone", 0),
        ('{"a": 1', "parsed", 0),
        ('{"a": 1} and more', "parsed", 0),
        ("```\n[1]\n```", "items", 1),
        ("```\nls\n```", "parsed", 0),
        ('```json\n{}\n```\n```json\n{"a" 1}\n```', "parsed", 1 / 2),
        ('{"a": 1, "a": null}', "keys", 2),
        ('{"a": 1, "a": null}', "nulls", 1 / 2),
        ('{"\\ud800": NaN}', "keys", 1),
        ("[" * 20_000, "parsed", 0),
        ("[" * 900 + "]" * 900, "depth", 900),
        ("[1" + "0" * 10_000 + "]", "items", 1),
        ("words", "words", 1),
    ],
)
def test_features(text: str, feature: str, value: float) -> None:
    assert measure(text)[feature] == value


def test_no_json_has_no_features_of_json() -> None:
    assert {name: measure("")[name] for name in FEATURES} == dict.fromkeys(FEATURES, 0.0)
