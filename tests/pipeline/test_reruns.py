"""What reruns, by the real dvc: nothing expensive for something cheap (the table of docs/share.md)."""

from pathlib import Path

import pytest

from workspace import dvc, repro, set_params

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("share"), pytest.mark.timeout(1800)]
ALL = ["expand_prompts", "collect", "format", "train", "generate@base", "generate@distilled", "evaluate"]
PROMPT = "group: mine\nsplit: {}\nprompts: [{{slug: my-own, prompt: Write a function that adds two numbers.}}]\n"
ANSWER = "Add them.\n\n```python\ndef add(a, b):\n    return a + b\n```\n"


def edit(path: Path) -> None:
    """Change a file, but not what it does."""
    path.write_text(path.read_text(encoding="utf-8") + "\n# a comment\n", encoding="utf-8")


def test_a_style_feature_runs_evaluate(team: Path) -> None:
    edit(team / "src/distill/evaluate/style/profiles.py")
    assert repro(team) == ["evaluate"]


def test_a_hidden_check_runs_evaluate(team: Path) -> None:
    edit(team / "data/checks/clamp.py")
    assert repro(team) == ["evaluate"]


def test_a_check_of_a_training_prompt_runs_format(team: Path) -> None:
    edit(team / "data/train-checks/README.md")
    assert repro(team) == ["format"]


def test_resamples_run_evaluate(team: Path) -> None:
    set_params(team, {"evaluate.resamples": 300})
    assert repro(team) == ["evaluate"]


def test_the_length_of_an_answer_runs_what_answers_and_back_runs_nothing(team: Path) -> None:
    set_params(team, {"generate.max_new_tokens": 12})
    assert sorted(repro(team)) == ["evaluate", "generate@base", "generate@distilled"]
    set_params(team, {"generate.max_new_tokens": 16})
    assert repro(team) == []


def test_the_rank_does_not_run_the_base(team: Path) -> None:
    set_params(team, {"train.lora.r": 3})
    assert repro(team) == ["train", "generate@distilled", "evaluate"]
    changed = dvc(team, "metrics", "diff").stdout
    assert "nll.distilled" in changed
    assert "nll.base" not in changed


def test_a_new_training_prompt_does_not_run_the_base(team: Path) -> None:
    before = {name: lines(team / name) for name in ("data/train.jsonl", "data/val.jsonl")}
    add(team, "train")
    assert repro(team) == [name for name in ALL if name != "generate@base"]
    after = {name: lines(team / name) for name in before}
    assert all(before[name] <= after[name] for name in before)  # no example moved, none was changed
    assert sum(map(len, after.values())) == sum(map(len, before.values())) + 1


def test_a_new_held_out_prompt_does_not_train(team: Path) -> None:
    add(team, "heldout")
    assert sorted(repro(team)) == sorted(set(ALL) - {"train"})


def lines(path: Path) -> set[str]:
    """The rows of a file."""
    return set(path.read_text(encoding="utf-8").splitlines())


def add(folder: Path, split: str) -> None:
    """One more prompt, and the teacher's answer to it."""
    (folder / "data/prompts/mine.yaml").write_text(PROMPT.format(split), encoding="utf-8")
    (folder / "data/reference/my-own.md").write_text(ANSWER, encoding="utf-8")
