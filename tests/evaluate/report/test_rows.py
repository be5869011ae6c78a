"""rows: groups in their order, losses and mean styles by hand."""

from distill.evaluate.report.rows import by_group, grouping, loss, mean_style
from evaluation_rows import FEATURES, row


def test_groups_go_by_difficulty_and_those_without_one_come_last_as_they_are_met() -> None:
    groups = ("sql", "heldout-hard", "heldout-easy", "other", "heldout-hard")
    details = [row(f"p{place}", group) for place, group in enumerate(groups)]
    found = {name: [one["id"] for one in members] for name, members in by_group(details).items()}
    assert list(found.items()) == [("easy", ["p2"]), ("hard", ["p1", "p4"]), ("sql", ["p0"]), ("other", ["p3"])]


def test_groups_differ_in_difficulty_if_all_have_one() -> None:
    assert grouping([row("a", "heldout-hard"), row("b", "heldout-easy")]) == "difficulty"
    assert grouping([row("a", "heldout-hard"), row("b", "joins")]) == "group"
    assert grouping([{"group": "x"}]) == "group"  # rows from before there was a difficulty


def test_a_loss_is_a_mean_over_tokens_and_an_answer_without_tokens_has_none() -> None:
    assert loss({"nll": 6.0, "tokens": 4}) == 1.5
    assert loss({"nll": 0.0, "tokens": 0}) == 0.0


def test_a_mean_style_is_over_the_answers_that_have_the_feature() -> None:
    details = [
        {"style": {"base": {"typed": 0.5, "bold": 3}, "teacher": {"typed": 1.0}}},
        {"style": {"base": {"typed": 0.0}}},
        {},
    ]
    assert mean_style(details, FEATURES, amounts=False) == [
        ("Fully type-hinted functions", {"base": 0.25, "teacher": 1.0})
    ]
    assert mean_style(details, FEATURES, amounts=True) == [("Bold passages", {"base": 3.0})]
