"""distill.shared.code_blocks: fences are found as CommonMark defines them, and broken code is recognised."""

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.shared import code_blocks
from distill.shared.code_blocks import Block, blocks, language, syntax_error

PIECES = ["```", "````", "~~~", "python", "x = 1", "> ", "- ", "    ", "\t", "\n", "\r\n", "\r", "\f", "\v", "\x85"]
PIECES += ["\u2028", "\x1c", "\x00", "(", ">>> "]
NAMES_OF_PYTHON = """python Python py PY python3 py3 python3.11 py3.12 python3.11.7 ipython ipython3 python:clamp.py
python,linenos python{1,3} python= python#L1 python;x {.python} {python} clamp.py src/clamp.py"""
INFOS_OF_PYTHON = ['Python title="x"', "python 3", "{.python .numberLines}", "{ .python }", "{#clamp .python}"]
INFOS_OF_PYTHON += ["{python, echo=FALSE}", "{code-block} python", "{code-cell} ipython3"]
OTHERS = {"  ": "", "{": "", "SQL": "sql", "{.sql}": "sql", "{r}": "r", "bash run.py": "bash"}
OTHERS |= {name: name for name in ["", "c++", "c#", "objective-c", "diff", "requirements.txt", "cython", "python2"]}
OTHERS |= {name: name for name in ["pycon", "python-repl", "ipythonconsole", "pytb"]}


def test_blocks_in_order_with_languages() -> None:
    text = "Hi\n```Python title\nx = 1\n```\n- item\n  ~~~sql\n  SELECT 1;\n  ~~~\n```\nplain\n```\n"
    assert blocks(text) == [
        Block("python", "x = 1\n", True),
        Block("sql", "SELECT 1;\n", True),
        Block("", "plain\n", True),
    ]


def test_backticks_inside_a_longer_fence() -> None:
    assert blocks("````markdown\n```python\n```\n````") == [Block("markdown", "```python\n```\n", True)]


@pytest.mark.parametrize(
    "text",
    [
        "```python\nx = 1\n",
        "```python",
        "```python\n",
        "```python\nx\n``",
        "   ```python\n   ",
        "- ```python\n  x\n\ntext",
        "> ```python\n> x\n\ntext",
        "```python\nx\n    ```",  # too far in to close a fence
        "```python\nx\n> ```",
        "```python\nx\n\f```",
    ],
)
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
        '```python\nx = "\\d"\n```',  # an invalid escape warns, and is no fault of the code's form
    ],
)
def test_sound_answers(text: str) -> None:
    assert syntax_error(text) is None


@pytest.mark.parametrize("char", ["\f", "\v", "\u2028", "\u2029", "\x85", "\x1c", "\x1d", "\x1e"])
def test_only_line_feeds_and_carriage_returns_end_a_line(char: str) -> None:
    before = f"One{char}two{char}{char}three.\n\n```python\nx = 1\n```\n\nDone."
    inside = f"Code:\n\n```python\n# one{char}two{char}\nx = 1\n```"
    assert [block.closed for text in (before, inside) for block in blocks(text)] == [True, True]
    assert syntax_error(before) is None
    assert syntax_error(inside) is None


def test_a_form_feed_between_functions_as_old_code_has_it() -> None:
    assert syntax_error("```python\ndef f():\n    pass\n\f\ndef g():\n    pass\n```") is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    text = end.join(["Hi", "", "```python", "if x:", "    y = 1", "```", "", "> ```py", "> z = 2", "> ```", ""])
    assert blocks(text) == [Block("python", "if x:\n    y = 1\n", True), Block("python", "z = 2\n", True)]
    assert syntax_error(text) is None


@pytest.mark.parametrize("info", [*NAMES_OF_PYTHON.split(), *INFOS_OF_PYTHON])
def test_python_by_any_name(info: str) -> None:
    assert language(info) == "python"
    assert blocks(f"```{info}\nx = 1\n```") == [Block("python", "x = 1\n", True)]


@pytest.mark.parametrize("info", OTHERS)
def test_other_languages(info: str) -> None:
    assert language(info) == OTHERS[info]


def test_python_that_does_not_parse() -> None:
    assert syntax_error("```python\ndef f(:\n```") == "a Python block does not parse: invalid syntax"
    assert "null bytes" in str(syntax_error("```py\n'\x00'\n```")) or "parse" in str(syntax_error("```py\nx = \n```"))
    assert syntax_error("```python:clamp.py\ndef f(:\n```") == "a Python block does not parse: invalid syntax"


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_nothing_that_a_model_can_write_raises(text: str) -> None:
    syntax_error(text)
    assert all(block.code.endswith("\n") or not block.code for block in blocks(text))
    assert blocks(text) == blocks(text.replace("\r\n", "\n").replace("\r", "\n"))


LINES = st.lists(
    st.sampled_from(["text", "", "```", "```python", "````", "~~~", "  ```", "    ```", "- item", "  - ```", "> ```",
                     "> a", "x = (", "x = 1", "<div>", "</div>", "<!--", "-->", "[a]: /b 'c", "1. ```python", "   ```",
                     "---", "`` ` ``", "\t```"])
)  # fmt: skip


@given(LINES, st.sampled_from(["\n", "\r", "\r\n"]), st.booleans())
def test_what_follows_the_last_fence_changes_nothing(lines: list[str], end: str, ended: bool) -> None:
    text = end.join(lines) + end * ended
    with mock.patch.object(code_blocks, "_up_to_last_fence", lambda whole: whole):
        expected = syntax_error(text)
    assert syntax_error(text) == expected
