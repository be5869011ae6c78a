"""The real dvc on the real stages with a tiny student: outputs, the same bytes again, what reruns, mistakes.

Remotes and experiments are in test_share.py.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from repository import ROOT
from workspace import dvc, git, repro, set_params

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("share"), pytest.mark.timeout(1800)]
BASE, DISTILLED = "generate@base", "generate@distilled"
ALL = ["expand_prompts", "collect", "format", "train", BASE, DISTILLED, "evaluate"]
ADAPTER = "models/distilled-student/adapter_model.safetensors"
OUTPUTS = [
    "data/prompts.jsonl", "data/teacher_data.jsonl", "data/train.jsonl", "data/val.jsonl", "data/heldout.jsonl",
    "data/answers/base.jsonl", "data/answers/distilled.jsonl",
    ADAPTER, "models/distilled-student/adapter_config.json",
    "metrics/collect.json", "metrics/format.json", "metrics/train.json", "metrics/evaluate.json",
    "metrics/figures.json", "metrics/report.html",
]  # fmt: skip


def test_every_output_is_there_and_status_is_clean(team: Path) -> None:
    assert [name for name in OUTPUTS if not (team / name).exists()] == []
    assert "up to date" in dvc(team, "status").stdout
    assert git(team, "status", "--porcelain") == ""


PROMPT = "group: mine\nsplit: {}\nprompts: [{{slug: my-own, prompt: Write a function that adds two numbers.}}]\n"
ANSWER = "Add them.\n\n```python\ndef add(a, b):\n    return a + b\n```\n"


def affected(folder: Path) -> set[str]:
    """The stages with a changed dependency: those that `dvc repro` would run first."""
    return set(json.loads(dvc(folder, "status", "--json").stdout))


def edit(name: str) -> Callable[[Path], None]:
    """Change a file, but not what it does."""
    return lambda folder: (folder / name).write_text((folder / name).read_text("utf-8") + "\n# a comment\n", "utf-8")


def setting(**values: Any) -> Callable[[Path], None]:
    return lambda folder: set_params(folder, {key.replace("__", "."): value for key, value in values.items()})


CHANGES: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "nothing": (lambda _: None, set()),
    "a comment in params.yaml": (edit("params.yaml"), set()),
    "runtime": (setting(runtime__concurrency=3), set()),
    "a profile that is not selected": (setting(teachers__claude__max_tokens=77), set()),
    "a style feature": (edit("src/distill/evaluate/style/profiles.py"), {"evaluate"}),
    "a hidden check": (edit("data/checks/clamp.py"), {"evaluate"}),
    "resamples": (setting(evaluate__resamples=300), {"evaluate"}),
    "a check of a training prompt": (edit("data/train-checks/README.md"), {"format"}),
    "the length of an answer": (setting(generate__max_new_tokens=12), {BASE, DISTILLED}),
    "the rank": (setting(train__lora__r=3), {"train"}),
    "the student": (setting(student="tiny-2"), {"format", "train", BASE, DISTILLED}),
}


def test_a_change_affects_the_stages_that_read_it(team: Path) -> None:
    found = {}
    for name, (change, _) in CHANGES.items():
        change(team)
        found[name] = affected(team)
        git(team, "checkout", "-q", "--", ".")
    assert found == {name: stages for name, (_, stages) in CHANGES.items()}


def test_the_rank_does_not_run_the_base_and_back_runs_nothing(team: Path) -> None:
    set_params(team, {"train.lora.r": 3})
    assert repro(team) == ["train", DISTILLED, "evaluate"]
    changed = dvc(team, "metrics", "diff").stdout
    assert "nll.distilled" in changed
    assert "nll.base" not in changed
    git(team, "checkout", "-q", "--", "params.yaml")
    assert repro(team) == []


def test_a_new_training_prompt_moves_no_example_and_does_not_run_the_base(team: Path) -> None:
    before = {name: lines(team / name) for name in ("data/train.jsonl", "data/val.jsonl")}
    add(team, "train")
    assert repro(team, "format") == ["expand_prompts", "collect", "format"]
    after = {name: lines(team / name) for name in before}
    assert all(before[name] <= after[name] for name in before)  # no example moved, none was changed
    assert sum(map(len, after.values())) == sum(map(len, before.values())) + 1
    assert {"train"} <= affected(team) <= {"train", "evaluate"}


def test_a_new_held_out_prompt_does_not_train(team: Path) -> None:
    add(team, "heldout")
    assert repro(team, "format") == ["expand_prompts", "collect", "format"]
    assert affected(team) == {BASE, DISTILLED, "evaluate"}


def lines(path: Path) -> set[str]:
    """The rows of a file."""
    return set(path.read_text(encoding="utf-8").splitlines())


def add(folder: Path, split: str) -> None:
    """One more prompt, and the teacher's answer to it."""
    (folder / "data/prompts/mine.yaml").write_text(PROMPT.format(split), encoding="utf-8")
    (folder / "data/reference/my-own.md").write_text(ANSWER, encoding="utf-8")


def test_deleted_outputs_come_back_with_the_same_bytes(team: Path) -> None:
    before = {name: (team / name).read_bytes() for name in OUTPUTS}
    # Forced, so that every stage computes again instead of being restored from the cache.
    assert sorted(repro(team, "--force")) == sorted(ALL)
    assert [name for name in OUTPUTS if (team / name).read_bytes() != before[name]] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train.lora.rank": 4}, "params.yaml: train.lora.rank: unknown key"),
        ({"train.epochs": "many"}, "params.yaml: train.epochs: input should be a valid integer, found 'many'"),
    ],
)
def test_a_mistake_in_the_parameters_stops_with_one_line(team: Path, change: dict[str, Any], words: str) -> None:
    adapter = (team / ADAPTER).read_bytes()
    set_params(team, change)
    result = dvc(team, "repro", check=False)
    assert result.returncode != 0
    assert words in result.stderr + result.stdout
    assert "Traceback" not in result.stderr + result.stdout
    git(team, "checkout", "-q", "--", "params.yaml")
    dvc(team, "checkout", "-q")
    assert (team / ADAPTER).read_bytes() == adapter


def test_an_unknown_profile_is_named(team: Path) -> None:
    set_params(team, {"teacher": "cluade"})
    result = dvc(team, "repro", check=False)
    assert result.returncode != 0
    assert "cluade" in result.stderr + result.stdout
    assert "Traceback" not in result.stderr + result.stdout
    assert "params.yaml" in result.stderr  # dvc's own line; `make check`, before dvc, also names the profiles there are
    git(team, "checkout", "-q", "--", "params.yaml")
    dvc(team, "checkout", "-q")
    assert (team / "data/teacher_data.jsonl").exists()


def test_the_shipped_params_are_those_of_the_contract() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert params["teacher"] == "reference"
    assert params["student"] == "smollm2-135m"
    assert {"reference", "claude", "claude-batch", "local"} <= set(params["teachers"])
    assert {"smollm2-135m", "qwen2_5-1_5b"} <= set(params["students"])
