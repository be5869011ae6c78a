"""Data in parts under the real dvc: what new prompts push, and a clone that takes answers over from a folder."""

import hashlib
from pathlib import Path

import pytest

from messages_server import Behaviour, MessagesServer
from workspace import clone, commit, copy_repository, dvc, load, repro, set_params

pytestmark = pytest.mark.slow
TEACHER_DATA, TRAIN = "data/teacher_data.jsonl", "data/train.jsonl"


def add_prompt(folder: Path, slug: str) -> None:
    (folder / f"data/prompts/{slug}.yaml").write_text(
        f"group: mine\nsplit: train\nprompts: [{{slug: {slug}, prompt: Write a function named {slug}.}}]\n"
    )


def parts(path: Path) -> dict[str, int]:
    """The MD5 sums of a folder's parts, by which DVC stores them, and their sizes."""
    found = {part: part.read_bytes() for part in path.iterdir()}
    return {hashlib.md5(content, usedforsecurity=False).hexdigest(): len(content) for content in found.values()}


def stored(remote: Path) -> dict[str, int]:
    """What the remote has, by MD5 sums, and how large it is."""
    files = [path for path in remote.rglob("*") if path.is_file()]
    return {path.parent.name + path.name: path.stat().st_size for path in files}


def test_a_new_prompt_pushes_the_parts_that_it_falls_into_and_a_clone_pays_for_it_alone(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    copy_repository(repo)
    with MessagesServer(Behaviour(key=None)) as teacher:
        set_params(repo, {"teacher": "local", "teachers.local.base_url": teacher.url, "format.min_kept_share": 0.0,
                          "format.shard_mb": 0.02})  # fmt: skip
        dvc(repo, "remote", "add", "-d", "store", str(tmp_path / "remote"))
        assert repro(repo, "format") == ["expand_prompts", "collect", "format"]
        assert repro(repo, "format") == []
        commit(repo, "answers")
        dvc(repo, "push", "-q")
        before = stored(tmp_path / "remote")
        old = {name: parts(repo / name) for name in (TEACHER_DATA, TRAIN)}
        for name in (TEACHER_DATA, TRAIN):
            assert len(old[name]) > 20
            assert old[name].items() <= before.items()

        add_prompt(repo, "middle")  # its file is between others
        assert repro(repo, "format") == ["expand_prompts", "collect", "format"]
        dvc(repo, "push", "-q")
        pushed = stored(tmp_path / "remote").items() - before.items()
        for name in (TEACHER_DATA, TRAIN):
            new = parts(repo / name).items() - old[name].items()
            assert 1 <= len(new) <= 2
            assert new <= pushed
            assert sum(size for _, size in new) < sum(old[name].values()) / 4

        commit(repo, "one more")
        paid = len(teacher.answered)
        mate = clone(repo, tmp_path / "mate")
        add_prompt(mate, "one")
        assert repro(mate, "--pull", "collect") == ["expand_prompts", "collect"]
        assert len(teacher.answered) == paid + 1
        assert (mate / TEACHER_DATA).is_dir()

        in_parts = b"".join(part.read_bytes() for part in sorted((repo / TEACHER_DATA).iterdir()))
        set_params(repo, {"format.shard_mb": 256})
        assert repro(repo, "format") == ["collect", "format"]
        assert (repo / TEACHER_DATA).read_bytes() == in_parts
        assert len(teacher.answered) == paid + 1
        set_params(repo, {"format.shard_mb": 0.02})
        assert repro(repo, "format") == []
        assert (repo / TRAIN).is_dir()
    assert load(repo / "metrics/format.json")["train"]["examples"] > 20
