"""distill.growth.replies: what is taken for a prompt in replies as models write them."""

import pytest

from distill.growth.replies import prompts_in, question

ONE, TWO = "Write a function that sorts words by length.", "Write a class `Stack` with `push` and `pop`."


def test_the_question_shows_the_example_as_it_is() -> None:
    example = 'Return `{"a": {count}}` for <b> & "c".\n\n```python\n    pass\n```'
    asked = question(example, 4)
    assert f"<example>\n{example}\n</example>" in asked
    assert "Write 4 other prompts" in asked


@pytest.mark.parametrize(
    "reply",
    [
        f"<prompt>{ONE}</prompt>\n<prompt>{TWO}</prompt>",
        f"Sure! Here they are:\n\n<prompt>\n{ONE}\n</prompt>\n\n<PROMPT>\n{TWO}\n</PROMPT>\n\nShall I write more?",
        f'<prompt id="1">{ONE}</prompt><prompt id="2">{TWO}',
        f"<prompt>{ONE}\n<prompt>{TWO}</prompt>",
        f"```xml\n<prompt>{ONE}</prompt>\n<prompt>{TWO}</prompt>\n```",
        f'<prompt>"{ONE}"</prompt><prompt>\n```text\n{TWO}\n```\n</prompt>',
        f"<prompt>{ONE}</prompt>\r\n<prompt>\x00{TWO}\u2028</prompt>\r\n",
        f"1. {ONE}\n2. {TWO}",
        f"Here are two prompts:\n\n1) {ONE}\n\n2) {TWO}\n\nLet me know if you want more!",
        f"**Prompt 1:** {ONE}\n\n**Prompt 2:** {TWO}",
        f"### Prompt 1:\n{ONE}\n\n### Prompt 2:\n{TWO}\n",
        f"**1.** “{ONE}”\n**2.** “{TWO}”",
    ],
)
def test_two_prompts_however_they_are_laid_out(reply: str) -> None:
    assert prompts_in(reply, cut_off=False) == [ONE, TWO]


@pytest.mark.parametrize(
    "reply", ["", " \n", "I cannot help with that.", "<prompt></prompt><prompt> </prompt>", "2. x"]
)
def test_no_prompt(reply: str) -> None:
    assert prompts_in(reply, cut_off=False) == []


@pytest.mark.parametrize(
    "reply", [f"<prompt>{ONE}</prompt><prompt>{TWO[:20]}", f"1. {ONE}\n2. {TWO[:20]}", f"<prompt>{ONE}</prompt>\n<prom"]
)
def test_of_a_reply_that_was_cut_off_the_last_one_is_left_out(reply: str) -> None:
    assert prompts_in(reply, cut_off=True) == [ONE]


def test_paragraphs_code_and_steps_belong_to_their_prompt() -> None:
    first = "Review this:\n\n```python\nx = 1\n```\n\nThen do:\n1. the tests\n2. the docs"
    assert prompts_in(f"<prompt>{first}</prompt>", cut_off=False) == [first]
    listed = f"1. Review this:\n\n```python\nx = 1\n```\n2. {TWO}\n\n   It raises `IndexError`.\n\nGood luck!"
    found = prompts_in(listed, cut_off=False)
    assert found == ["Review this:\n\n```python\nx = 1\n```", f"{TWO}\n\n   It raises `IndexError`."]


def test_a_title_that_lost_half_of_its_bold() -> None:
    assert prompts_in(f"**1. Sorting**\n{ONE}\n**2. Stacks**\n{TWO}", cut_off=False) == [
        f"Sorting\n{ONE}",
        f"Stacks\n{TWO}",
    ]
    assert prompts_in("1. **Sorting**: do it, and **well**.", cut_off=False) == ["**Sorting**: do it, and **well**."]


def test_quotation_marks_that_belong_to_the_text_stay() -> None:
    text = '"Fizz" for multiples of 3, and else "Buzz"'
    assert prompts_in(f"<prompt>{text}</prompt>", cut_off=False) == [text]
