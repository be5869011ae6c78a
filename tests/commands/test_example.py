"""The examples of other domains, run at small size: five stages on a tiny student, in a copy that is a repository."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.utils.flatten import flatten

from distill import example
from distill.common.config import load_yaml
from distill.common.errors import InputError
from distill.common.jsonl import Row
from repository import ROOT
from workspace import copy_repository, git, make_student, run

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/data"))
SMALL = ["train.epochs=1", "generate.max_new_tokens=12", "evaluate.resamples=200", "format.val_share=0.1"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository whose selected student is a tiny one."""
    folder = tmp_path_factory.mktemp("examples") / "repo"
    folder.mkdir()
    copy_repository(folder)
    make_student(folder.parent / "tiny")
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["students"]["tiny"] = {
        "source": "dir", "name": str(folder.parent / "tiny"), "base_model": "tiny", "license": "apache-2.0",
    }  # fmt: skip
    (folder / "params.yaml").write_text(yaml.safe_dump(params | {"student": "tiny"}), encoding="utf-8")
    git(folder, "add", "-A")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_becomes_a_repository_whose_reference_answers_pass(repository: Path, name: str) -> None:
    home = repository.parent / name
    settings = [word for one in SMALL for word in ("-S", one)]
    command = ["python", "-m", "distill.example", name, "--to", str(home), *settings]
    run(repository, *command, PYTHONPATH="src", GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@example.org",
        GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@example.org")  # fmt: skip
    assert git(home, "log", "--format=%s") == "First run\n"
    assert git(home, "status", "--porcelain") == ""
    figures = json.loads((home / "metrics/figures.json").read_text(encoding="utf-8"))
    assert figures["heldout"]["prompts"] == 12
    if figures["sandbox"]:
        assert figures["pass_at_1"]["teacher"] == 1.0
    assert len((home / "data/prompts.jsonl").read_text(encoding="utf-8").splitlines()) == 24  # and none of this domain
    shutil.rmtree(home)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_an_example_changes_is_a_parameter(name: str, tmp_path: Path) -> None:
    params = shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    changed = flatten(load_yaml(ROOT / "examples" / name / "params.yaml"))
    example.change(Path(params), changed)
    after: Row = yaml.safe_load((tmp_path / "params.yaml").read_text(encoding="utf-8"))
    assert flatten(after).items() >= changed.items()
    assert (tmp_path / "params.yaml").read_text().count("#") == (ROOT / "params.yaml").read_text().count("#")


def test_no_line_of_the_program_knows_an_example() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    ids = {path.stem for name in EXAMPLES for path in (ROOT / "examples" / name / "data/reference").iterdir()}
    assert not any(f"examples/{name}" in text or f"example {name}" in text for text in texts for name in EXAMPLES)
    assert not any(id_ in text for text in texts for id_ in ids)


@pytest.mark.parametrize(
    ("text", "value"),
    [("a=1", 1), ("a.b=false", False), ("a=null", None), ("a=0", 0), ("a=[x, 2.5]", ["x", 2.5]), ("a=", None)],
)
def test_a_setting_is_read_as_yaml(text: str, value: object) -> None:
    assert example.setting(text) == (text.partition("=")[0], value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], r"examples: there is no example 'nothing'; choose one of: sql, support"),
        (["sql", "-S", "train"], r"-S train: expected KEY=VALUE"),
        (["sql", "-S", "train.epochs=["], r"-S train.epochs=\[: expected KEY=VALUE"),
        (["sql", "--to", "src"], r"src: not an empty directory"),
        (["sql", "-S", "train.epoch=3"], r"train.epoch: there is no such parameter in params.yaml"),
    ],
)
def test_mistakes_end_in_one_line(words: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["example", *words])
    with pytest.raises(InputError, match=said):
        example.main()
