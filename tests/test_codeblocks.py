"""distill.codeblocks: fences are found as CommonMark defines them, and broken code is recognised."""

import pytest

from distill.codeblocks import Block, blocks, syntax_error


def test_blocks_in_order_with_languages() -> None:
    text = "Hi\n```Python title\nx = 1\n```\n- item\n  ~~~sql\n  SELECT 1;\n  ~~~\n```\nplain\n```\n"
    assert blocks(text) == [
        Block("python", "x = 1\n", True),
        Block("sql", "SELECT 1;\n", True),
        Block("", "plain\n", True),
    ]


def test_backticks_inside_a_longer_fence() -> None:
    assert blocks("````markdown\n```python\n```\n````") == [Block("markdown", "```python\n```\n", True)]


@pytest.mark.parametrize("text", ["```python\nx = 1\n", "```python", "```python\nx\n``"])
def test_an_open_fence(text: str) -> None:
    assert [block.closed for block in blocks(text)] == [False]
    assert syntax_error(text) == "a code fence is not closed"


@pytest.mark.parametrize(
    "text",
    [
        "no code",
        "```python\nx = 1\n```",
        "```python\n>>> x = (\n... 1)\n```",
        "```text\n(((\n```",
        "> ```py\n> y = 2\n> ```",
    ],
)
def test_sound_answers(text: str) -> None:
    assert syntax_error(text) is None


def test_python_that_does_not_parse() -> None:
    assert syntax_error("```python\ndef f(:\n```") == "a Python block does not parse: invalid syntax"
    assert "null bytes" in str(syntax_error("```py\n'\x00'\n```")) or "parse" in str(syntax_error("```py\nx = \n```"))
