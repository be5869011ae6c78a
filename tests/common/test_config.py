"""distill.common.config: every mistake in params.yaml is one line with the file, the key and the cure."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from distill.common.config import SECTIONS, Model, Number, Strings, load_yaml, profile, section
from distill.common.errors import InputError
from repository import ROOT

Write = Callable[[str, str], Path]


class Lora(Model):
    r: int
    targets: Strings


class Train(Model):
    learning_rate: Number
    epochs: int
    lora: Lora


class Teacher(Model):
    kind: Literal["files"]


GOOD = """\
    teacher: a
    teachers: {a: {kind: files}, b: {typo: 1}}
    train:
      learning_rate: 2e-4
      epochs: 5
      lora: {r: 16, targets: [q, k]}
    """


def test_a_section_is_read_and_frozen(write: Write) -> None:
    train = section(Train, "train", write("params.yaml", GOOD))
    assert train == Train(learning_rate=0.0002, epochs=5, lora=Lora(r=16, targets=("q", "k")))
    with pytest.raises(ValueError, match="frozen"):
        train.epochs = 6  # type: ignore[misc]


@pytest.mark.parametrize("text", ["1e-05", "'1e-05'", "0.00001", "1.0e-5"])
def test_numbers_in_the_forms_that_dvc_writes(write: Write, text: str) -> None:
    train = section(Train, "train", write("params.yaml", GOOD.replace("2e-4", text)))
    assert train.learning_rate == 1e-5


def test_only_the_selected_profile_is_read(write: Write) -> None:
    assert profile(Teacher, "teacher", write("params.yaml", GOOD)) == ("a", Teacher(kind="files"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("epochs: 5", "epoch: 5", "train.epoch: unknown key (did you mean 'epochs'?)"),
        ("epochs: 5", "epochs: many", "train.epochs: input should be a valid integer, found 'many'"),
        ("epochs: 5", "epochs: true", "train.epochs: input should be a valid integer, found True"),
        ("epochs: 5", "epochs: 5.0", "train.epochs: input should be a valid integer, found 5.0"),
        ("learning_rate: 2e-4", "learning_rate: fast", "train.learning_rate: input should be a valid number"),
        ("r: 16, ", "", "train.lora.r: missing"),
        ("r: 16", "rank: 16, r: 1", "train.lora.rank: unknown key; keys here: r, targets"),
        ("train:", "trian:", "unknown section 'trian' (did you mean 'train'?)"),
        ("train:", "collect: {}\n    train:", "unknown section 'collect'"),
        ("epochs: 5", "epochs: 5\n      epochs: 6", "params.yaml:6: not valid YAML (the key 'epochs' is there twice)"),
        ("epochs: 5", "epochs: [5", "params.yaml:"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(write: Write, old: str, new: str, words: str) -> None:
    path = write("params.yaml", GOOD.replace(old, new))
    with pytest.raises(InputError) as caught:
        section(Train, "train", path)
    assert words in str(caught.value)
    assert "params.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_profile_names_those_there_are(write: Write) -> None:
    path = write("params.yaml", GOOD.replace("teacher: a", "teacher: c"))
    with pytest.raises(InputError, match="teacher: no profile named 'c' under 'teachers'; choose one of: a, b"):
        profile(Teacher, "teacher", path)


def test_an_empty_section_and_an_empty_file(write: Write) -> None:
    with pytest.raises(InputError, match="train: empty"):
        section(Train, "train", write("params.yaml", "train:\n"))
    with pytest.raises(InputError, match="must be a mapping of sections"):
        section(Train, "train", write("params.yaml", ""))


def test_files_that_are_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_yaml(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_bytes(b"a: \xff")
    with pytest.raises(InputError, match="not UTF-8 at byte 4"):
        load_yaml(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_bytes(b"a: \x00")
    with pytest.raises(InputError, match="not valid YAML"):
        load_yaml(tmp_path / "params.yaml")


def test_every_section_is_one_of_params_yaml() -> None:
    assert set(load_yaml(ROOT / "params.yaml")) == SECTIONS
