"""python -m distill.compare: real revisions, experiments and remotes of a small repository with the real dvc."""

import contextlib
import functools
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from compared import old_format, run_a, run_b, run_c
from distill.common.config import section
from distill.common.jsonl import Row, write_json, write_jsonl
from distill.compare import compare as compare_runs
from distill.comparison.runs import Run
from distill.evaluate.stage import EvaluateParams
from repository import ROOT
from workspace import commit, dvc, git, run, set_params

pytestmark = pytest.mark.slow

PIPELINE = """
stages:
  evaluate:
    cmd: cp rows/${train.lora.r}.jsonl metrics/evaluation.jsonl
    deps: [data/train.jsonl]
    params: [train, evaluate]
    outs: [metrics/evaluation.jsonl]
"""
ROWS = {16: run_a(), 8: run_b(), 4: run_c(), 2: old_format()}
"""The rows that a run with this rank `makes`."""


def make(folder: Path, rank: int, training: str = "{}") -> None:
    set_params(folder, {"train.lora.r": rank})
    (folder / "data/train.jsonl").write_text(training + "\n", encoding="utf-8")
    dvc(folder, "repro")
    commit(folder, f"rank {rank}")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tag v1 has rank 16; branch r-8 rank 8 and more training data; experiment small rank 4; branch old rank 2."""
    folder = tmp_path_factory.mktemp("team") / "work"
    for name in ("rows", "data", "metrics"):
        (folder / name).mkdir(parents=True)
    shutil.copyfile(ROOT / "params.yaml", folder / "params.yaml")
    (folder / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    for rank, rows in ROWS.items():
        write_jsonl(folder / "rows" / f"{rank}.jsonl", rows)
    write_json(folder / "metrics/train.json", {"examples": 91, "updates": 24, "val": {"loss": {"last": 2.0}}})
    git(folder, "init", "-q", "-b", "main")
    dvc(folder, "init", "-q")
    dvc(folder, "remote", "add", "-d", "store", str(folder.parent / "store"))
    set_params(folder, {"train.lora.r": 16, "train.learning_rate": "2e-4"})  # a number to DVC, a text to YAML 1.1
    commit(folder, "not evaluated")
    git(folder, "tag", "v0")
    make(folder, 16)
    git(folder, "tag", "v1")
    for branch, rank, training in (("old", 2, "{}"), ("r-8", 8, '{"more": 1}')):
        git(folder, "checkout", "-q", "-b", branch, "v1")
        make(folder, rank, training)
    git(folder, "checkout", "-q", "-b", "broken", "v1")
    (folder / "params.yaml").write_text("train: [\n", encoding="utf-8")
    commit(folder, "no YAML")
    git(folder, "checkout", "-q", "main")
    dvc(folder, "checkout", "-q")
    dvc(folder, "exp", "run", "-n", "small", "-S", "train.lora.r=4")
    git(folder, "checkout", "-q", "-f", "main")
    dvc(folder, "checkout", "-q", "-f")
    dvc(folder, "push", "-q", "--all-tags", "--all-branches")
    return folder


def compare(folder: Path, *words: str) -> str:
    """What the command prints, its lines joined."""
    command = (sys.executable, "-m", "distill.compare", *words)
    return " ".join(run(folder, *command, PYTHONPATH=str(ROOT / "src")).stdout.split())


def error(folder: Path, *words: str) -> str:
    """The one line in which the command fails."""
    command = (sys.executable, "-m", "distill.compare", *words)
    result = run(folder, *command, check=False, PYTHONPATH=str(ROOT / "src"))
    assert result.returncode == 1, result.stdout + result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """A read-only HTTP remote on loopback; gives its address."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_two_revisions(repository: Path) -> None:
    shown = compare(repository, "v1", "r-8")
    assert "A: v1, B: r-8. B predicts the teacher’s answers worse" in shown
    assert "Loss 1.500 1.700 +0.200 to +0.200 worse" in shown
    assert "Pass@1 50.0% 50.0% 100.0%" in shown
    assert "Now pass: word-break. No longer pass: clamp." in shown
    assert "a change of 5 points in pass@1 takes 2,094 prompts" in shown
    assert "Compared: all 4 held-out prompts, the same in both." in shown
    assert "Parameters: train.lora.r 16 → 8. Data: data/train.jsonl." in shown
    html = (repository / "metrics/compare.html").read_text(encoding="utf-8")
    assert "A · v1" in html
    assert "return <ins>" not in html  # the line is the same in both
    assert git(repository, "status", "--porcelain", "-uno") == ""


def test_an_experiment_by_name_on_other_prompts(repository: Path) -> None:
    shown = compare(repository, "v1", "small")
    assert "Compared: the 2 held-out prompts that both have, of A’s 4 and B’s 4." in shown
    assert "Loss 1.100 1.300 " in shown
    assert "train.lora.r 16 → 4" in shown


def test_the_table_of_experiments(repository: Path) -> None:
    (repository / "docs").mkdir()
    (repository / "tools").mkdir()
    shutil.copy(ROOT / "tools/experiments.py", repository / "tools")
    command = (sys.executable, "tools/experiments.py", "--reference", "v1", "small")
    for _ in range(2):  # a row of the same name is replaced
        table = run(repository, *command, PYTHONPATH=str(ROOT / "src")).stdout.splitlines()
        assert table[2:] == ["| `small` | `v1` | train.lora.r 4 | 91 | 24 | 2.000 | 1.300 | +0.200 [+0.200, +0.200] |"]
    assert ">small</text>" in (repository / "docs/experiments.svg").read_text(encoding="utf-8")


def test_the_workspace_is_the_default_and_what_is_stale_is_said(repository: Path) -> None:
    shown = compare(repository)
    assert "A: HEAD, B: workspace. No difference found between A and B" in shown
    assert "other values" not in shown
    set_params(repository, {"train.lora.r": 8})
    try:
        shown = compare(repository)
        assert "Parameters: the same." in shown
        assert "params.yaml of workspace was changed after its run (train.lora.r)" in shown
        dvc(repository, "repro")
        assert "A: HEAD, B: workspace. B predicts the teacher’s answers worse" in compare(repository)
    finally:
        git(repository, "checkout", "-q", "-f", "main")
        dvc(repository, "checkout", "-q", "-f")


def test_a_teammate_gets_the_rows_from_the_remote_once(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    shown = compare(clone, "v1", "origin/r-8")
    assert "Loss 1.500 1.700" in shown
    with serve(repository.parent / "store") as url:
        dvc(clone, "remote", "modify", "store", "url", url)
        assert compare(clone, "v1", "origin/r-8") == shown
    assert compare(clone, "v1", "origin/r-8") == shown  # the cache has it, for the server is gone
    dvc(clone, "remote", "modify", "store", "url", "gs://bucket/distill")  # DVC's extra for it is not installed
    unreachable = error(clone, "origin/old")
    assert unreachable.startswith(
        "error: origin/old: its metrics/evaluation.jsonl could not be fetched from the remote"
    )
    assert "dvc-gs" in unreachable
    dvc(clone, "remote", "modify", "store", "url", str(tmp_path / "empty"))
    missing = error(clone, "v1", "origin/old")
    assert missing.startswith(
        "error: origin/old: its metrics/evaluation.jsonl is neither in DVC's cache nor on the remote"
    )
    assert "`dvc push` where it was made" in missing


def test_a_workspace_without_results_says_how_to_get_them(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    assert "`dvc repro` makes it, or `dvc checkout` brings it back" in error(clone)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "error: nowhere: no such Git revision or experiment"),
        (["v0"], "error: v0: no dvc.lock there; run `dvc repro` there, and commit dvc.lock"),
        (["broken"], "error: broken: its params.yaml is not valid YAML"),
        (["old"], "error: old: its metrics/evaluation.jsonl is of another version of this code"),
    ],
)
def test_runs_that_cannot_be_compared(repository: Path, words: list[str], message: str) -> None:
    assert message in error(repository, *words)


def test_rows_that_dvc_does_not_know_are_said(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(repository, clone, symlinks=True)
    path = clone / "metrics/evaluation.jsonl"
    rows: list[Row] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.unlink()  # it may be a link into the cache
    write_jsonl(path, rows[:3])
    shown = compare(clone)
    assert "The rows of workspace are not those that its dvc.lock records" in shown
    assert "the 3 held-out prompts that both have, of A’s 4 and B’s 3" in shown


def test_make_compare_names_the_command() -> None:
    for words, expected in ((("A=main", "B=r-8"), "main r-8"), ((), "HEAD")):
        shown = subprocess.run(["make", "-n", "compare", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        assert "-m distill.compare" in shown.stdout
        assert expected in shown.stdout


def test_runs_whose_code_did_not_run_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params = section(EvaluateParams, "evaluate", ROOT / "params.yaml")
    monkeypatch.chdir(tmp_path)
    rows = {row["id"]: row | {"outcomes": None} for row in run_a()}
    same = Run("main", rows, {}, [], {}, True)
    compare_runs(same, same, params)
    shown = capsys.readouterr().out
    assert "Pass@1" not in shown
    assert "Now pass" not in shown
    html = (tmp_path / "metrics/compare.html").read_text(encoding="utf-8")
    assert "Not measured: fewer than two prompts were checked in both runs." in html


def test_runs_with_some_checks_and_other_groups_say_of_how_many_prompts_they_speak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params = section(EvaluateParams, "evaluate", ROOT / "params.yaml").model_copy(update={"style": "text"})
    monkeypatch.chdir(tmp_path)
    a, b = ({row["id"]: row | {"group": "joins", "difficulty": None} for row in rows} for rows in (run_a(), run_b()))
    b["clamp"]["outcomes"] = b["matrix"]["outcomes"] = None
    compare_runs(Run("main", a, {}, [], {}, True), Run("r-8", b, {}, [], {}, True), params)
    shown = " ".join(capsys.readouterr().out.split())
    assert "Now pass: word-break. No longer pass: none." in shown
    assert "about the 2 of 4 prompts that were checked." in shown
    html = (tmp_path / "metrics/compare.html").read_text(encoding="utf-8")
    assert html.count("joins, no check") == 2
    assert "<label hidden><span>Group</span>" in html
