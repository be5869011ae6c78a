"""remote: what is refused before anything is asked of a server."""

from pathlib import Path

import pytest

from distill import remote
from distill.common.errors import InputError


def test_an_option_that_everybody_may_see_is_taken() -> None:
    assert remote.option("endpointurl=https://s3.example.org?a=b") == ("endpointurl", "https://s3.example.org?a=b")


@pytest.mark.parametrize("text", ["secret_access_key=x", "access_key_id=x", "password=x", "session_token=x"])
def test_a_key_is_kept_out_of_git(text: str) -> None:
    with pytest.raises(InputError, match=r"\.dvc/config is committed"):
        remote.option(text)


@pytest.mark.parametrize("text", ["endpointurl", "=x"])
def test_an_option_without_a_name_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected NAME=VALUE"):
        remote.option(text)


def test_a_directory_is_named_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/person")
    assert remote.address("shared") == str(tmp_path / "shared")
    assert remote.address("~/shared") == "/home/person/shared"
    assert remote.address("s3://bucket/folder") == "s3://bucket/folder"


@pytest.mark.parametrize(
    ("url", "words"),
    [("s4://bucket", "Unsupported URL type"), ("gs://bucket", "install it with pip")],
)
def test_a_kind_of_remote_that_is_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    from dvc.repo import Repo

    monkeypatch.chdir(tmp_path)
    Repo.init(no_scm=True).close()
    with pytest.raises(InputError, match=words):
        remote.prove({"core": {"remote": "storage"}, "remote": {"storage": {"url": url}}}, write=True)
