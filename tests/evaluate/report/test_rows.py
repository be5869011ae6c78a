"""rows: difficulties in their order, losses and mean styles by hand."""

from distill.evaluate.report.rows import by_difficulty, loss, mean_style
from evaluation_rows import row


def test_difficulties_go_from_easy_to_hard_and_other_groups_come_last() -> None:
    groups = ("sql", "heldout-hard", "heldout-easy", "other", "heldout-hard")
    details = [row(f"p{place}", group) for place, group in enumerate(groups)]
    found = {name: [one["id"] for one in members] for name, members in by_difficulty(details).items()}
    assert list(found.items()) == [("easy", ["p2"]), ("hard", ["p1", "p4"]), ("sql", ["p0"]), ("other", ["p3"])]


def test_a_loss_is_a_mean_over_tokens_and_an_answer_without_tokens_has_none() -> None:
    assert loss({"nll": 6.0, "tokens": 4}) == 1.5
    assert loss({"nll": 0.0, "tokens": 0}) == 0.0


def test_a_mean_style_is_over_the_answers_that_have_the_feature() -> None:
    details = [{"style": {"base": {"typed": 0.5}, "teacher": {"typed": 1.0}}}, {"style": {"base": {"typed": 0.0}}}, {}]
    assert mean_style(details, {"typed": "Typed", "bold": "Bold"}) == [("Typed", {"base": 0.25, "teacher": 1.0})]
