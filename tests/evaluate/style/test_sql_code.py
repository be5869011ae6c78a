"""sql_code: queries counted by hand, in fences and without."""

import pytest

from distill.evaluate.style.sql_code import FEATURES, measure

ANSWER = """\
The newest order of each customer.

```sql
-- newest first
WITH newest AS (
    SELECT customer_id, max(placed) AS placed
    FROM orders
    GROUP BY customer_id
)
SELECT c.name, n.placed  /* both */
FROM customers AS c
left join newest n ON n.customer_id = c.id
WHERE c.name <> 'FROM; -- x' ORDER BY "n"."placed";
```
"""


def test_an_answer_by_hand() -> None:
    found = measure(ANSWER)
    # with as select as from group by | select from as left join on where order by: 2 of 16 in small letters
    assert found["upper_keywords"] == 14 / 16
    assert found["own_lines"] == 4 / 5  # ORDER stands behind WHERE
    assert found["terminated"] == 1
    # c.name n.placed n.customer_id c.id c.name "n"."placed"; plain: newest customer_id placed placed orders
    # customer_id customers c newest n
    assert found["qualified"] == 6 / 16
    assert (found["all_columns"], found["lead_in"]) == (0, 1)
    assert (found["statements"], found["joins"], found["subqueries"], found["aliases"]) == (1, 1, 1, 3)
    assert found["comments"] == 2 / 9
    assert found["words"] == 6


@pytest.mark.parametrize(
    ("text", "feature", "value"),
    [
        ("select * from t", "statements", 1),  # the answer itself
        ("SELECT 1; SELECT 2;; -- end\n", "statements", 2),
        ("Select the table from the list.", "statements", 0),
        ("I cannot do that", "statements", 0),
        ("```\nselect 1\n```", "statements", 1),
        ("```\n-- a\nselect 1\n```", "statements", 1),
        ("```\nls from here\n```", "statements", 0),
        ("```python\nselect = 1\n```", "statements", 0),
        ("```sqlite\nselect 1;\n```\n\n```sql\nselect 2\n```", "statements", 2),
        ("```sqlite\nselect 1;\n```\n\n```sql\nselect 2\n```", "terminated", 1 / 2),
        ("SELECT *, (SELECT a FROM t) FROM u", "all_columns", 1 / 2),
        ("SELECT *, (SELECT a FROM t) FROM u", "subqueries", 1),
        ("SELECT 'it''s FROM'\n  FROM t", "own_lines", 1),
        ("SELECT count(*) FROM t", "qualified", 0),
        ("SELECT 'open FROM t JOIN u", "joins", 0),
        ("SELECT a /* open FROM t JOIN u", "comments", 1),
    ],
)
def test_features(text: str, feature: str, value: float) -> None:
    assert measure(text)[feature] == value


def test_no_sql_has_no_features_of_sql() -> None:
    assert {name: measure("")[name] for name in FEATURES} == dict.fromkeys(FEATURES, 0.0)
