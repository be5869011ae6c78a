"""distill.format: the held-out rows that go on to generate and evaluate."""

from pathlib import Path
from typing import Any

import pytest

from distill.common.errors import InputError
from distill.common.jsonl import Row, write_jsonl
from distill.format.stage import held_out

PROMPTS, TEACHER = Path("prompts.jsonl"), Path("teacher.jsonl")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def prompt(name: str, split: str = "heldout", **more: Any) -> Row:
    return {"id": name, "base": name, "group": "heldout-easy", "modifier": None, "split": split, "prompt": "P"} | more


def answer(name: str, split: str = "heldout", **more: Any) -> Row:
    row = {"id": name, "split": split, "prompt": f"Do {name}.", "completion": f"Did {name}.", "stop_reason": "end_turn"}
    return row | more


def test_rows_in_the_teachers_order_one_answer_each() -> None:
    write_jsonl(PROMPTS, [prompt("a"), prompt("b", group="heldout-hard"), prompt("t", "train")])
    answers = [
        answer("t", "train"), answer("b", stop_reason="max_tokens", sample=0),
        answer("b", completion="again", sample=1), answer("a", completion="\n\nDid a.\n"),
    ]  # fmt: skip
    write_jsonl(TEACHER, answers)
    assert held_out(PROMPTS, TEACHER, "Be brief.") == [
        {
            "id": name, "base": name, "group": group,
            "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Do {name}."}],
            "completion": [{"role": "assistant", "content": f"Did {name}."}],
            "stop_reason": reason, "ended": reason == "end_turn",
        }
        for name, group, reason in (("b", "heldout-hard", "max_tokens"), ("a", "heldout-easy", "end_turn"))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("prompts", "answers", "words"),
    [
        ([prompt("a"), prompt("b")], [answer("a")], "teacher.jsonl: no answer to the held-out prompt 'b'; run"),
        ([prompt("a"), prompt("b"), prompt("c")], [answer("b")], "held-out prompt 'a' and 1 more; run"),
        ([prompt("a")], [answer("a"), answer("x")], "the id 'x' is not in prompts.jsonl; run `dvc repro`"),
        ([{"id": "a"}], [answer("a")], "prompts.jsonl:1: the key 'base' is missing"),
        ([prompt("a")], [{"id": "a"}], "teacher.jsonl:1: the key 'split' is missing"),
    ],
)
def test_what_does_not_fit_together(prompts: list[Row], answers: list[Row], words: str) -> None:
    write_jsonl(PROMPTS, prompts)
    write_jsonl(TEACHER, answers)
    with pytest.raises(InputError, match=words):
        held_out(PROMPTS, TEACHER, None)
