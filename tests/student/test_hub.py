"""distill.student.hub by the real client and a hub on loopback: pinned, once, resumed, and refused in one line."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hub_server
import tiny
from remotes import free_port
from repository import ROOT
from workspace import environment

BIG = 25_000_000
"""Bytes; the client writes 10 MiB at a time, and goes on behind what it has written."""


@pytest.fixture(scope="module")
def hub() -> Iterator[hub_server.Hub]:
    with hub_server.serve() as one:
        yield one


@pytest.fixture(scope="module", autouse=True)
def nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Somebody who asks a hub that is down; begun first, because the client tries for half a minute."""
    student = {"name": "people/open", "revision": "0" * 40}
    with start(tmp_path_factory.mktemp("home"), f"http://127.0.0.1:{free_port()}", student) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's files, and beside them some that are in the way."""
    folder = tmp_path_factory.mktemp("files")
    tiny.student(folder)
    for name in ("pytorch_model.bin", "consolidated.safetensors", "modeling_x.py"):
        (folder / name).write_bytes(b"not wanted")
    return folder


def start(home: Path, url: str, *cases: dict[str, Any], **env: str) -> subprocess.Popen[str]:
    """Ask a hub for students in a process of its own, as somebody whose home and cache this is."""
    full = environment(home, PYTHONPATH=str(ROOT / "src"), HF_ENDPOINT=url, **({"HF_HUB_OFFLINE": "0"} | env))
    words = [sys.executable, str(ROOT / "tests/support/hub_client.py"), *map(json.dumps, cases)]
    return subprocess.Popen(words, env=full, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[str]) -> list[str]:
    """What it printed, a string a student; nothing that it wrote holds a token."""
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    for token in (hub_server.TOKEN, hub_server.STRANGER):
        assert token not in output + errors
    return [json.loads(line) for line in output.splitlines()]


def test_a_student_is_downloaded_once_at_its_commit(hub: hub_server.Hub, files: Path, tmp_path: Path) -> None:
    student = {"name": "people/tiny", "revision": hub.add("people/tiny", files)}
    first = end(start(tmp_path, hub.url, student | {"load": True}))
    assert first == [f"64 tokens, {tiny.model().num_parameters()} parameters"]
    asked = hub.asked("people/tiny")
    assert all(student["revision"] in path for _, path, _ in asked)
    assert hub.sent["model.safetensors"] == (files / "model.safetensors").stat().st_size
    assert not {"pytorch_model.bin", "consolidated.safetensors", "modeling_x.py"} & set(hub.sent)

    assert end(start(tmp_path, hub.url, student | {"load": True}, HF_HUB_OFFLINE="1")) == first
    assert end(start(tmp_path, hub.url, student))[0].endswith(student["revision"])
    assert hub.asked("people/tiny") == asked


def test_a_download_that_breaks_off_goes_on_where_it_was(hub: hub_server.Hub, files: Path, tmp_path: Path) -> None:
    shutil.copytree(files, tmp_path / "big")
    (tmp_path / "big/model.safetensors").write_bytes(bytes(BIG))
    student = {"name": "people/big", "revision": hub.add("people/big", tmp_path / "big")}
    before, hub.break_after = hub.sent["model.safetensors"], BIG - 2_000_000
    (folder,) = end(start(tmp_path, hub.url, student))
    assert Path(folder, "model.safetensors").read_bytes() == bytes(BIG)
    assert [wanted for _, _, wanted in hub.asked("people/big") if wanted] == ["bytes=20971520-"]
    assert hub.sent["model.safetensors"] - before == (BIG - 2_000_000) + (BIG - 20_971_520)


def test_what_cannot_be_had_is_one_line_that_says_what_to_do(
    hub: hub_server.Hub, files: Path, tmp_path: Path, nobody: subprocess.Popen[str]
) -> None:
    folders = {name: Path(shutil.copytree(files, tmp_path / name)) for name in ("bin", "code", "known", "home")}
    (folders["bin"] / "model.safetensors").unlink()
    config = json.loads((files / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "modeling_x.Config"}
    (folders["known"] / "config.json").write_text(json.dumps(config))
    (folders["code"] / "config.json").write_text(json.dumps(config | {"model_type": "own"}))
    commit = hub.add("people/open", files)
    for name in ("gated", "private"):
        hub.add(f"people/{name}", files, **{name: True})
    others = {name: hub.add(f"people/{name}", folders[name]) for name in ("bin", "code", "known")}
    login = "say who you are with `hf auth login` or the environment variable HF_TOKEN"
    gated = rf"licence must be accepted first: do so on http://[^ ]+/people/gated, and {login}$"
    absent = rf"no such repository, or keeps it private: check 'name' on .*; if it is private, {login}$"
    expected = [
        ({"name": "people/open", "revision": "0" * 40}, r"no such commit; take one of http://[^ ]+/commits/main$"),
        ({"name": "people/gated", "revision": commit}, gated),
        ({"name": "people/gated", "revision": commit, "token": hub_server.STRANGER}, gated),
        ({"name": "people/gated", "revision": commit, "token": hub_server.TOKEN}, rf"/snapshots/{commit}$"),
        ({"name": "people/private", "revision": commit}, absent),
        ({"name": "people/private", "revision": commit, "token": hub_server.STRANGER}, absent),
        ({"name": "people/bin", "revision": others["bin"]}, r"has no model\*.safetensors.*choose a student with"),
        ({"name": "people/code", "revision": others["code"]}, r"run code of its own \(the architecture own\), which"),
        ({"name": "people/known", "revision": others["known"]}, rf"/snapshots/{others['known']}$"),
        ({"name": "no such", "revision": commit}, "'name' must be the hub's owner/name$"),
    ]  # fmt: skip
    found = end(start(folders["home"], hub.url, *(case for case, _ in expected)))
    for line, (case, words) in zip(found, expected, strict=True):
        assert re.search(words, line), (case, line)
        assert "\n" not in line
    (line,) = end(start(folders["home"], hub.url, {"name": "people/open", "revision": commit, "load": True},
                        HF_HUB_OFFLINE="1"))  # fmt: skip
    assert re.search(
        rf"^error: params.yaml: students: people/open@{commit}: it is not in the hub's cache.*connect", line
    )
    (line,) = end(nobody)
    assert re.search(r"^error: the hub at http://127.0.0.1:\d+ cannot be used \(.*refused.*\); try again", line)
