"""distill.growth.prompt_file: what is written is read back as the same prompts, and looks like a prompt file."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.common.config import load_yaml, parse
from distill.expand_prompts.stage import PromptFile
from distill.growth.prompt_file import New, new_slug, render
from distill.growth.replies import prompts_in

ODD = (
    "# no comment",
    "- no list",
    "a: b",
    "{x} of [y]",
    "yes",
    "1e5",
    "'q' \"r\"",
    "a\n\n  b\n\tc",
    "😀 مرحبا é",
    "%YAML",
)


def read(path: Path, text: str) -> PromptFile:
    path.write_text(text, encoding="utf-8")
    return parse(PromptFile, load_yaml(path), str(path))


def test_it_looks_like_a_prompt_file(tmp_path: Path) -> None:
    text = render("sql", "some\nmodel", [New("totals", "top-customers", "Sum `x`.\n\n```sql\n  SELECT 1;\n```")])
    assert text.splitlines()[2:] == [
        "group: grown-sql",
        "split: train",
        "prompts:",
        "  # like top-customers",
        "  - slug: totals",
        "    prompt: |",
        "      Sum `x`.",
        "",
        "      ```sql",
        "        SELECT 1;",
        "      ```",
    ]
    assert "written by some model when" in text
    assert read(tmp_path / "x.yaml", text).prompts[0].prompt == "Sum `x`.\n\n```sql\n  SELECT 1;\n```"


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_come_back(tmp_path: Path, text: str) -> None:
    news = [New("null", "a", text), New("123", "a", text * 40)]
    found = read(tmp_path / "x.yaml", render("g", "m", news)).prompts
    assert [(one.slug, one.prompt) for one in found] == [("null", text), ("123", text * 40)]


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1).filter(lambda text: bool(prompts_in(f"<prompt>{text}</prompt>", cut_off=False))))
def test_whatever_a_reply_holds_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    wanted = prompts_in(f"<prompt>{text}</prompt>", cut_off=False)
    news = [New(f"p{number}", "a", one) for number, one in enumerate(wanted)]
    found = read(tmp_path_factory.getbasetemp() / "x.yaml", render("g", "m", news)).prompts
    assert [one.prompt for one in found] == wanted


def test_slugs() -> None:
    taken = {"merge-intervals", "lru-cache"}
    asked = ["Write `merge_meetings(a)`.", "Write `merge_meetings(b)`.", "Write a class `LRUCache`.", "Why?", "What?",
             "Write `größe_2(x)`.", "Write `日本(x)`."]  # fmt: skip
    assert [new_slug(text, "explain.sql--short", taken) for text in asked] == [
        "merge-meetings", "merge-meetings-2", "lru-cache-2", "explain-sql-short", "explain-sql-short-2", "gr-e-2",
        "explain-sql-short-3",
    ]  # fmt: skip
