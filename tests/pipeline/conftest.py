"""A workspace in which the real pipeline has run once: made once for all modules of a process that ask for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from workspace import commit, dvc, git, make_workspace, repro, set_params


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few prompts, and no limit on their number, so that a new one is one more."""
    folder = tmp_path_factory.mktemp("ran") / "repo"
    folder.mkdir()
    make_workspace(folder)
    keep_few(folder / "data/prompts")
    set_params(folder, {"expand_prompts.max_train_bases": None, "expand_prompts.max_heldout": None,
                        "evaluate.resamples": 200})  # fmt: skip
    repro(folder)
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
