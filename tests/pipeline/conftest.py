"""A workspace in which the real pipeline has run once: made once for all modules of a process that ask for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import hub_server
from workspace import commit, dvc, git, make_student, make_workspace, repro, set_params


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few prompts, and no limit on their number, so that a new one is one more; a student that came from the hub.

    The student is a Qwen2. The hub is gone when the tests run, and their runs are offline.
    """
    folder = tmp_path_factory.mktemp("ran") / "repo"
    folder.mkdir()
    make_workspace(folder)
    keep_few(folder / "data/prompts")
    set_params(folder, {"expand_prompts.max_train_bases": None, "expand_prompts.max_heldout": None,
                        "evaluate.resamples": 200})  # fmt: skip
    with hub_server.serve() as hub:
        make_student(folder.parent / "qwen", kind="Qwen2")
        student = {"source": "hub", "name": "people/qwen", "revision": hub.add("people/qwen", folder.parent / "qwen")}
        set_params(folder, {f"students.tiny.{key}": value for key, value in student.items()})
        repro(folder, HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="0")
        assert hub.sent["model.safetensors"] == (folder.parent / "qwen/model.safetensors").stat().st_size  # once
    commit(folder, "run")
    return folder


def keep_few(prompts: Path) -> None:
    """Keep the first prompts of a file: one for training, of the easy held-out ones three."""
    for path in prompts.glob("*.yaml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.name in ("heldout-hard.yaml", "heldout-medium-1.yaml", "heldout-medium-2.yaml"):
            path.unlink()
        elif "prompts" in content:
            content["prompts"] = content["prompts"][: 3 if content["split"] == "heldout" else 1]
            path.write_text(yaml.safe_dump(content), encoding="utf-8")


@pytest.fixture
def team(ran: Path) -> Iterator[Path]:
    """That workspace; commits and changes of a test are taken back, DVC's cache stays."""
    head = git(ran, "rev-parse", "HEAD").strip()
    yield ran
    git(ran, "checkout", "-q", "-f", "main")
    git(ran, "reset", "-q", "--hard", head)
    git(ran, "clean", "-qfd")
    dvc(ran, "checkout", "-q", "--force")
