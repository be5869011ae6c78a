"""differences: what two runs were made with, in words."""

from typing import Any

from distill.comparison.differences import sentences
from distill.comparison.runs import Run


def run(name: str, params: dict[str, Any], hashes: dict[str, str], *unused: str, recorded: bool = True) -> Run:
    return Run(name, {}, params, list(unused), hashes, recorded)


def test_what_differs_is_named() -> None:
    a = run(
        "main",
        {"train.lora.r": 16, "train.seed": 1, "gone": True},
        {"data/train.jsonl": "1", "data/heldout.jsonl": "1", "data/answers/base.jsonl": "1", "src/distill/train": "1"},
    )
    b = run(
        "r-8",
        {"train.lora.r": 8, "train.seed": 1, "new": None},
        {"data/train.jsonl": "2", "data/heldout.jsonl": "1", "data/answers/base.jsonl": "2", "src/distill/train": "2"},
    )
    assert sentences(a, b) == [
        "Parameters: gone True → –, new – → None, train.lora.r 16 → 8.",
        "Data: data/train.jsonl.",
        "Code: src/distill/train.",
    ]  # fmt: skip


def test_the_same_is_said_to_be_the_same() -> None:
    same = run("x", {"a": 1}, {"data/train.jsonl": "1"})
    assert sentences(same, same) == ["Parameters: the same.", "Data: the same."]


def test_results_that_are_behind_their_files_are_named() -> None:
    fresh, stale = run("main", {}, {}), run("workspace", {}, {}, "train.lora.r", recorded=False)
    *_, params, rows = sentences(fresh, stale)
    assert params.startswith("params.yaml of workspace was changed after its run (train.lora.r)")
    assert rows.startswith("The rows of workspace are not those that its dvc.lock records")
