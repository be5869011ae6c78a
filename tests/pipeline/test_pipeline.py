"""The real dvc on the real stages with a tiny student: what reruns, the same bytes, experiments, remotes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import hub_server
import remotes
from repository import ROOT
from workspace import clone, commit, dvc, git, load, make_student, make_workspace, repro, set_params

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline"), pytest.mark.timeout(1800)]
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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the pipeline has run once, committed; its student is a Qwen2 that came from the hub.

    The hub is gone when the tests run, and their runs are offline.
    """
    folder = tmp_path_factory.mktemp("pipeline") / "repo"
    folder.mkdir()
    make_workspace(folder)
    with hub_server.serve() as hub:
        make_student(folder.parent / "qwen", kind="Qwen2")
        student = {"source": "hub", "name": "people/qwen", "revision": hub.add("people/qwen", folder.parent / "qwen")}
        set_params(folder, {f"students.tiny.{key}": value for key, value in student.items()})
        assert sorted(repro(folder, HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="0")) == sorted(ALL)
        assert hub.sent["model.safetensors"] == (folder.parent / "qwen/model.safetensors").stat().st_size
    commit(folder, "run")
    return folder


@pytest.fixture
def workspace(made: Path) -> Iterator[Path]:
    """That workspace; what a test changed is put back from Git and the cache."""
    yield made
    git(made, "checkout", "-q", "--", ".")
    git(made, "clean", "-qfd")
    dvc(made, "checkout", "-q")


def test_every_output_is_there_and_status_is_clean(workspace: Path) -> None:
    assert [name for name in OUTPUTS if not (workspace / name).exists()] == []
    assert "up to date" in dvc(workspace, "status").stdout
    assert git(workspace, "status", "--porcelain") == ""


def test_no_change_runs_nothing(workspace: Path) -> None:
    assert repro(workspace) == []


def test_changes_that_cannot_change_a_result_run_nothing(workspace: Path) -> None:
    path = workspace / "params.yaml"
    path.write_text("# a comment\n" + path.read_text())
    params = yaml.safe_load(path.read_text())
    key = next(iter(params["runtime"]))
    set_params(workspace, {f"runtime.{key}": 3, "teachers.claude.max_tokens": 77})
    assert repro(workspace) == []


def test_an_evaluate_key_runs_evaluate(workspace: Path) -> None:
    set_params(workspace, {"evaluate.resamples": 200})
    assert repro(workspace) == ["evaluate"]


def test_the_rank_runs_train_and_measures_no_base(workspace: Path) -> None:
    set_params(workspace, {"train.lora.r": 4})
    assert repro(workspace) == ["train", DISTILLED, "evaluate"]
    changed = dvc(workspace, "metrics", "diff").stdout
    assert "nll.distilled" in changed
    assert "nll.base" not in changed


def test_the_student_runs_all_that_reads_it(workspace: Path) -> None:
    set_params(workspace, {"student": "tiny-2"})
    # The two students share a tokenizer, so format runs and gives the same bytes.
    assert sorted(repro(workspace)) == sorted(["format", "train", BASE, DISTILLED, "evaluate"])


def test_a_new_prompt_runs_everything_and_moves_nothing(workspace: Path) -> None:
    before = {name: (workspace / name).read_text().splitlines() for name in ("data/train.jsonl", "data/val.jsonl")}
    (workspace / "data/prompts/mine.yaml").write_text(
        "group: mine\nsplit: train\nprompts: [{slug: my-own, prompt: Write a function that adds two numbers.}]\n"
    )
    (workspace / "data/reference/my-own.md").write_text(
        "Add them.\n\n```python\ndef add(a, b):\n    return a + b\n```\n"
    )
    set_params(workspace, {"expand_prompts.max_train_bases": None})
    assert repro(workspace, "format") == ["expand_prompts", "collect", "format"]
    after = {name: (workspace / name).read_text().splitlines() for name in before}
    for name, lines in before.items():
        assert set(lines) <= set(after[name])
    assert "my-own" in {json.loads(line)["id"] for lines in after.values() for line in lines}


def test_deleted_outputs_come_back_with_the_same_bytes(workspace: Path) -> None:
    before = {name: (workspace / name).read_bytes() for name in OUTPUTS}
    # Forced, so that every stage computes again instead of being restored from the cache.
    assert sorted(repro(workspace, "--force")) == sorted(ALL)
    assert [name for name in OUTPUTS if (workspace / name).read_bytes() != before[name]] == []


def test_an_experiment_reads_well(workspace: Path) -> None:
    dvc(workspace, "exp", "run", "-S", "train.lora.r=2", "-S", "train.learning_rate=1e-5")
    shown = dvc(workspace, "exp", "show", "--csv", "--only-changed").stdout
    assert "train.lora.r" in shown
    assert "nll" in shown
    assert load(workspace / "metrics/train.json")["trainable_parameters"] > 0


def test_a_teammate_pulls_from_a_local_remote(workspace: Path, tmp_path: Path) -> None:
    dvc(workspace, "remote", "add", "-d", "shared", str(tmp_path / "remote"))
    dvc(workspace, "push")
    commit(workspace, "remote")
    try:
        copy = clone(workspace, tmp_path / "clone")
        dvc(copy, "pull")
        assert repro(copy) == []
        assert (copy / ADAPTER).read_bytes() == (workspace / ADAPTER).read_bytes()
        bare = clone(workspace, tmp_path / "bare")
        assert repro(bare, "--pull", "--allow-missing") == []
    finally:
        git(workspace, "reset", "-q", "--hard", "HEAD~1")


def test_a_teammate_pulls_from_s3(workspace: Path, tmp_path: Path) -> None:
    with remotes.s3() as (endpoint, keys):
        dvc(workspace, "remote", "add", "-d", "bucket", "s3://distill/cache")
        dvc(workspace, "remote", "modify", "bucket", "endpointurl", endpoint)
        dvc(workspace, "push", **keys)
        commit(workspace, "remote")
        try:
            copy = clone(workspace, tmp_path / "clone")
            dvc(copy, "pull", **keys)
            assert repro(copy) == []
            config = (copy / ".dvc/config").read_text()
            assert "secret" not in config
            assert keys["AWS_SECRET_ACCESS_KEY"] not in config
        finally:
            git(workspace, "reset", "-q", "--hard", "HEAD~1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train.lora.rank": 4}, "params.yaml: train.lora.rank: unknown key"),
        ({"train.epochs": "many"}, "params.yaml: train.epochs: input should be a valid integer, found 'many'"),
    ],
)
def test_a_mistake_in_the_parameters_stops_with_one_line(workspace: Path, change: dict[str, Any], words: str) -> None:
    adapter = (workspace / ADAPTER).read_bytes()
    set_params(workspace, change)
    result = dvc(workspace, "repro", check=False)
    assert result.returncode != 0
    assert words in result.stderr + result.stdout
    assert "Traceback" not in result.stderr + result.stdout
    git(workspace, "checkout", "-q", "--", "params.yaml")
    dvc(workspace, "checkout", "-q")
    assert (workspace / ADAPTER).read_bytes() == adapter


def test_an_unknown_profile_is_named(workspace: Path) -> None:
    set_params(workspace, {"teacher": "cluade"})
    result = dvc(workspace, "repro", check=False)
    assert result.returncode != 0
    assert "cluade" in result.stderr + result.stdout
    assert "Traceback" not in result.stderr + result.stdout
    assert "params.yaml" in result.stderr  # dvc's own line; `make check`, before dvc, also names the profiles there are
    git(workspace, "checkout", "-q", "--", "params.yaml")
    dvc(workspace, "checkout", "-q")
    assert (workspace / "data/teacher_data.jsonl").exists()


def test_the_shipped_params_are_those_of_the_contract() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert params["teacher"] == "reference"
    assert params["student"] == "smollm2-135m"
    assert {"reference", "claude", "claude-batch", "local"} <= set(params["teachers"])
    assert {"smollm2-135m", "qwen2_5-1_5b"} <= set(params["students"])
