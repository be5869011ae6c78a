"""distill.shared.workspace: where the main repository is."""

from pathlib import Path

import pytest

from distill.shared.workspace import kept, root


def test_the_main_repository_is_named_by_dvc_or_found_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "repository"
    (repository / ".dvc").mkdir(parents=True)
    (repository / "data/prompts").mkdir(parents=True)
    monkeypatch.chdir(repository / "data/prompts")
    assert root() == repository
    assert kept("checkpoints", "k") == repository / ".distill/checkpoints/k"
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert root() == tmp_path / "main"
    monkeypatch.delenv("DVC_ROOT")
    monkeypatch.chdir(tmp_path)
    assert root() == tmp_path
