"""distill.common.jsonl: errors name file and line; a write is all or nothing."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from distill.common.errors import InputError
from distill.common.jsonl import read_json, read_jsonl, replace, write_json, write_jsonl


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "é\u2028\n"}, {"id": "b", "n": 0.1}]
    assert write_jsonl(tmp_path / "x.jsonl", iter(rows)) == 2
    assert list(read_jsonl(tmp_path / "x.jsonl", ("id",))) == rows


def test_bytes_are_utf8_with_one_row_a_line(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "x.jsonl", [{"b": "é", "a": 1}])
    assert (tmp_path / "x.jsonl").read_bytes() == '{"b": "é", "a": 1}\n'.encode()


def test_blank_lines_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('\n{"id": 1}\n\n')
    assert list(read_jsonl(tmp_path / "x.jsonl")) == [{"id": 1}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"id": 1}\n{"id": \n', "x.jsonl:2: not valid JSON"),
        (b'{"id": 1}\n\xff\xfe\n', "x.jsonl:2: not UTF-8 at byte 1"),
        (b'{"id": 1}\n[1]\n', "x.jsonl:2: a JSON object is needed, found list"),
        (b'{"id": 1}\n{"no": 1}\n', "x.jsonl:2: the key 'id' is missing"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(read_jsonl(path, ("id",)))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.jsonl: no such file; run"):
        list(read_jsonl(tmp_path / "x.jsonl"))


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    write_jsonl(path, [{"old": 1}])

    def rows():
        yield {"new": 1}
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        write_jsonl(path, rows())
    assert path.read_text() == '{"old": 1}\n'
    assert os.listdir(tmp_path) == ["x.jsonl"]


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "m.json", {"loss": float("nan")})
    assert os.listdir(tmp_path) == []


def test_files_get_ordinary_permissions(tmp_path: Path) -> None:
    write_json(tmp_path / "m.json", {})
    (tmp_path / "other").touch()
    assert (tmp_path / "m.json").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_json_errors_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text("{")
    with pytest.raises(InputError, match=r"m\.json: not valid JSON"):
        read_json(tmp_path / "m.json")
    (tmp_path / "m.json").write_text(json.dumps({"a": 1}))
    assert read_json(tmp_path / "m.json") == {"a": 1}


def test_a_new_folder_takes_the_old_ones_place(tmp_path: Path) -> None:
    output = tmp_path / "adapter"
    for text in ("first", "second"):
        beside = tmp_path / ".adapter.new"
        beside.mkdir()
        (beside / "weights").write_text(text)
        replace(beside, output)
        assert (output / "weights").read_text() == text
        assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("stop", range(5))
def test_a_kill_leaves_the_old_folder_or_the_new_one_whole(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, beside = tmp_path / "adapter", tmp_path / ".adapter.new"
    for folder, text in ((output, "old"), (beside, "new")):
        folder.mkdir()
        (folder / "weights").write_text(text)
    steps = iter(range(5))

    def until_killed(action: Any) -> Any:
        def act(*args: Any, **options: Any) -> None:
            if next(steps) == stop:
                raise KeyboardInterrupt
            action(*args, **options)

        return act

    monkeypatch.setattr(os, "replace", until_killed(os.replace))
    monkeypatch.setattr(shutil, "rmtree", until_killed(shutil.rmtree))
    if stop < 4:  # clear, aside, in, clear
        with pytest.raises(KeyboardInterrupt):
            replace(beside, output)
    else:
        replace(beside, output)
    found = output if output.exists() else tmp_path / ".adapter.old/adapter"
    assert (found / "weights").read_text() == ("old" if stop < 3 else "new")
    assert output.exists() or stop == 2
