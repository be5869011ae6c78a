"""distill.shared.held_out: the rows that format writes, as generate and evaluate read them."""

from pathlib import Path
from typing import Any

import pytest

from distill.common.errors import InputError
from distill.common.jsonl import Row, write_jsonl
from distill.shared.held_out import HeldOut, read


def row(name: str, **more: Any) -> Row:
    """A row of data/heldout.jsonl."""
    messages = {
        role: [{"role": role, "content": text}] for role, text in (("user", f"Do {name}."), ("assistant", "Did."))
    }
    made = {"id": name, "base": name, "group": "g", "prompt": messages["user"], "completion": messages["assistant"],
            "stop_reason": "end_turn", "ended": True}  # fmt: skip
    return made | more


def test_rows_are_read_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "heldout.jsonl"
    system = {"role": "system", "content": "Be brief."}
    told = [system, {"role": "user", "content": "Do a."}]
    write_jsonl(path, [row("b", stop_reason="max_tokens", ended=False), row("a", prompt=told)])
    first, second = read(path)
    assert first == HeldOut("b", "b", "g", [{"role": "user", "content": "Do b."}], "Did.", "max_tokens", False)
    assert (second.messages, second.prompt) == (told, "Do a.")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row("a")], "1 held-out prompts, and two are the least.*raise expand_prompts.max_heldout"),
        ([], "0 held-out prompts"),
        ([{"id": "a"}], "heldout.jsonl:1: the key 'base' is missing"),
    ],
)
def test_what_cannot_be_compared(tmp_path: Path, rows: list[Row], words: str) -> None:
    write_jsonl(tmp_path / "heldout.jsonl", rows)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "heldout.jsonl")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"heldout.jsonl: no such file; run the stage that writes it"):
        read(tmp_path / "heldout.jsonl")
