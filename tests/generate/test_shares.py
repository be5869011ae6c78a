"""distill.generate.shares: several processes give the bytes of one; killed, they all end, and the next run goes on."""

import time
from pathlib import Path

import psutil
import pytest
import yaml

from evaluating import error_line, run, start, workspace

pytestmark = pytest.mark.slow
ANSWERS = Path("data/answers/distilled.jsonl")


def several(folder: Path, processes: int) -> Path:
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["runtime"]["generate_processes"] = processes
    params["generate"]["samples"] = 1
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes, with two cores for its batches."""
    folder = several(workspace(tmp_path_factory.mktemp("one")), 1)
    code, errors = run(folder, "generate", "distilled", cores=2)
    assert code == 0, errors
    return folder


def kept(folder: Path) -> int:
    """How many results the processes have written down."""
    return sum(path.read_bytes().count(b"\n") for path in (folder / ".distill/generations").glob("*.*-of-*.jsonl"))


def killed(folder: Path, which: str) -> str:
    """Kill the stage, or one of its processes, when some answers are there; return what it said, when all ended."""
    stage = start(folder, "generate", "distilled", cores=2)
    while stage.poll() is None and kept(folder) < 8:
        time.sleep(0.002)
    children = psutil.Process(stage.pid).children()
    assert len(children) == 2
    (children[1] if which == "process" else stage).kill()
    _, errors = stage.communicate()
    assert stage.returncode == (1 if which == "process" else -9)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    assert not (folder / ANSWERS).exists()
    return errors


def test_two_processes_give_the_bytes_of_one(finished: Path, tmp_path: Path) -> None:
    folder = several(workspace(tmp_path), 2)
    code, errors = run(folder, "generate", "distilled", cores=2)
    assert code == 0, errors
    assert "distilled, 2 processes: 100%" in errors
    assert (folder / ANSWERS).read_bytes() == (finished / ANSWERS).read_bytes()
    assert not list((folder / ".distill/generations").iterdir())


@pytest.mark.parametrize(("which", "then"), [("process", 2), ("stage", 1)])
def test_a_kill_ends_all_and_the_next_run_goes_on(finished: Path, tmp_path: Path, which: str, then: int) -> None:
    folder = several(workspace(tmp_path), 2)
    errors = killed(folder, which)
    if which == "process":
        assert error_line(errors).startswith(
            "error: generate: process 2 was killed (signal 9); what all have worked out"
        )
    some = kept(folder)
    assert some >= 8
    stage = start(several(folder, then), "generate", "distilled", cores=2)
    said, errors = stage.communicate()
    assert stage.returncode == 0, errors
    assert f"going on with {some} results of a run that did not finish" in said
    assert (folder / ANSWERS).read_bytes() == (finished / ANSWERS).read_bytes()


def test_what_a_process_cannot_use_is_one_line(tmp_path: Path) -> None:
    """A context that is too short shows only when the model is there."""
    folder = several(workspace(tmp_path), 2)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["generate"]["max_new_tokens"] = 300
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    code, errors = run(folder, "generate", "base")
    assert code == 1
    assert "generate.max_new_tokens: 300 and a prompt" in error_line(errors)
