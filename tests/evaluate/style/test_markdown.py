"""markdown: features counted by hand."""

import pytest

from distill.evaluate.style import markdown


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
    assert markdown.measure(text)[feature] == pytest.approx(value)
