"""distill.student.unpacked: a directory is made once, whole or not at all, whatever kills or damages it."""

import json
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from distill.student import unpacked
from distill.student.model import StudentProfile, unpack
from distill.student.unpacked import SIZES, directory

STUDENT = ("package", "model.gguf", "package@1/model.gguf")
CHILD = f"""
import os, signal, sys, time
from pathlib import Path
from distill.student import unpacked

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def make(folder):
    with Path("log").open("a") as log:
        log.write("made ")
    (folder / "weights").write_bytes(bytes(500))
    if sys.argv[1] == "while it is filled":
        die()
    time.sleep(1)
    (folder / "tokenizer").write_text("words")

if sys.argv[1] == "before it is renamed":
    Path.rename = die
unpacked.PLACE = Path("place")
print(unpacked.directory(*{STUDENT!r}, make))
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(unpacked, "PLACE", tmp_path / "place")
    return tmp_path / "place/package/model.gguf"


def make(folder: Path) -> None:
    (folder / "weights").write_bytes(bytes(1000))
    (folder / "tokenizer").write_text("words")
    (folder / "weights").chmod(0o600)


def refuse(folder: Path) -> None:
    raise AssertionError(f"{folder} is made again")


def made(*student: str) -> Path:
    folder = directory(*student, make)  # type: ignore[arg-type]
    assert folder is not None
    return folder


def child(where: Path, moment: str = "never") -> "subprocess.Popen[str]":
    command = (sys.executable, "-c", CHILD, moment)
    return subprocess.Popen(command, cwd=where, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_it_is_made_once_and_says_so_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(*STUDENT)
    assert capsys.readouterr().err == f"unpacking the student package@1/model.gguf, once, into {folder}\n"
    assert directory(*STUDENT, refuse) == folder
    assert capsys.readouterr().err == ""
    assert {path.name for path in folder.iterdir()} == {"weights", "tokenizer", SIZES}


def test_whoever_can_use_the_environment_can_read_it() -> None:
    assert len({path.stat().st_mode for path in made(*STUDENT).iterdir()}) == 1


def test_another_version_replaces_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made(*STUDENT)
    second = made("package", "model.gguf", "package@2/model.gguf")
    monkeypatch.setattr(unpacked, "LIBRARIES", ("torch",))
    third = made("package", "model.gguf", "package@2/model.gguf")
    assert len({first, second, third}) == 3
    assert [path for path in place.iterdir() if path.is_dir()] == [third]


def test_another_student_does_not(place: Path) -> None:
    first = made(*STUDENT)
    made("package", "other.gguf", "package@1/other.gguf")
    assert directory(*STUDENT, refuse) == first


@pytest.mark.parametrize("damaged", ["weights", "tokenizer", SIZES])
@pytest.mark.parametrize("length", [0, 3, None])
def test_what_was_damaged_is_made_again(damaged: str, length: int | None) -> None:
    folder = made(*STUDENT)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    path = folder / damaged
    if length is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:length])
    assert made(*STUDENT) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert json.loads(before[SIZES]) == {"weights": 1000, "tokenizer": 5}


@pytest.mark.parametrize("moment", ["while it is filled", "before it is renamed"])
def test_a_killed_process_leaves_nothing_half_done(tmp_path: Path, place: Path, moment: str) -> None:
    for _ in range(2):
        killed = child(tmp_path, moment)
        killed.communicate()
        assert killed.returncode == -9
    left = [path for path in place.iterdir() if path.is_dir()]
    assert [path.suffix for path in left] == [".new"]
    folder = made(*STUDENT)
    assert [path for path in place.iterdir() if path.is_dir()] == [folder]
    assert (folder / "weights").stat().st_size == 1000


def test_of_several_processes_one_makes_it(tmp_path: Path) -> None:
    outputs = [process.communicate() for process in [child(tmp_path) for _ in range(3)]]
    assert (tmp_path / "log").read_text() == "made "
    assert len({out for out, _ in outputs}) == 1
    assert sum("unpacking the student" in err for _, err in outputs) == 1
    assert (tmp_path / outputs[0][0].strip() / "tokenizer").read_text() == "words"


def test_an_environment_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "place").write_text("not a directory")
    assert directory(*STUDENT, refuse) is None
    assert directory(*STUDENT, refuse) is None
    note = capsys.readouterr().err
    assert note.startswith("note: the student package@1/model.gguf cannot be unpacked ([Errno 20] Not a directory")
    assert note.endswith(f"see that {tmp_path}/place can be written to\n")
    assert note.count("\n") == 1


def test_a_full_disk(place: Path, student: StudentProfile, capsys: pytest.CaptureFixture[str]) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))  # no file can be longer, as on a disk without room
    try:
        assert directory(*STUDENT, partial(unpack, student)) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large (os error 27)), so each command takes its time" in capsys.readouterr().err
    assert [path.name for path in place.iterdir()] == ["lock"]
    assert made(*STUDENT).is_dir()
