"""The real dvc on the real stages with a tiny student: outputs, the same bytes again, mistakes in params.yaml.

What reruns for which change is in test_reruns.py, remotes and experiments in test_share.py.
"""

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


def test_no_change_runs_nothing(team: Path) -> None:
    assert repro(team) == []


def test_changes_that_cannot_change_a_result_run_nothing(team: Path) -> None:
    path = team / "params.yaml"
    path.write_text("# a comment\n" + path.read_text())
    params = yaml.safe_load(path.read_text())
    key = next(iter(params["runtime"]))
    set_params(team, {f"runtime.{key}": 3, "teachers.claude.max_tokens": 77})
    assert repro(team) == []


def test_the_student_runs_all_that_reads_it(team: Path) -> None:
    set_params(team, {"student": "tiny-2"})
    # The two students share a tokenizer, so format runs and gives the same bytes.
    assert sorted(repro(team)) == sorted(["format", "train", BASE, DISTILLED, "evaluate"])


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
